// Guides a person before the camera: advice while aiming, then what is asked, step by step.
import { Budget } from "./phone-budget.js";
import * as camera from "./phone-camera.js";
import * as send from "./phone-send.js";
import { signal } from "./phone-signal.js";
import { advise, progress, root, say, video } from "./phone-states.js";

const FRAMES_A_STEP = 3;
const STEPS = 4; // straight, and three actions
const AIM_EVERY_MS = 900;
const LOOK_EVERY_MS = 500;
const AGAIN_MS = 1500; // after a look that failed
const SLOW_MS = 1500; // slower than this, live advice is of a face that has moved on
const MOST_IN_A_ROW = 2; // slow looks or failed ones; the first may find the server loading what looks
const STEP_BYTES = 11_000; // of advice, kept for each step to come: two looks at least
const LEAD_MS = 900; // to read the instruction
const STEP_MS = 4500; // then the frames are taken whatever is seen
const UNSEEN_MS = 1800; // without anybody who sees, a movement is at its height about then
const GAP_MS = 250;
const EYES = "close_eyes";
const READ_MS = 1700; // more for words that also say when to open the eyes: nobody reads on then
const OPENING_MS = 1500;
const HOLD_MS = 300; // what was seen on its way goes on for a moment

let live = true; // until the network turns out too slow for it, or nobody has room to advise
let slow = 0;
let failed = 0;
let straight = {}; // the pose of the face held straight is what movements are measured against
let budget = new Budget(STEPS * FRAMES_A_STEP);

const sees = (stepsToCome) => live && budget.allowsGlance(stepsToCome * STEP_BYTES);

export const steps = (actions) => [null, ...actions.keys()].map((action, i) => ({ action, first: i * FRAMES_A_STEP }));

async function look(fields = {}) {
  const picture = await camera.glance(video);
  budget.spend(picture);
  const asked = performance.now();
  try {
    const seen = await send.aim(root.dataset.aimUrl, picture, fields);
    failed = 0;
    slow = performance.now() - asked > SLOW_MS ? slow + 1 : 0;
    if (!fields.action && seen.seen) straight = seen.pose;
    return seen;
  } catch {
    failed += 1;
    return null;
  } finally {
    live = Math.max(slow, failed) < MOST_IN_A_ROW; // else the steps go on by the clock
  }
}

// Advise until `done`, or until what is left is needed for the steps.
export async function aiming(done) {
  live = true;
  slow = failed = 0;
  straight = {};
  budget = new Budget(STEPS * FRAMES_A_STEP);
  while (!done.aborted && sees(STEPS)) {
    const seen = await look();
    if (done.aborted) return;
    if (seen) {
      say(seen.advice ? "aim" : "good");
      advise(seen.words ?? "");
    }
    await send.pause(seen ? AIM_EVERY_MS : AGAIN_MS);
  }
  if (done.aborted) return;
  say("ready");
  advise("");
}

// Take the frames that are missing, each on its way up as soon as it is taken.
export async function through(attempt, upload, beganAt, cancelled) {
  const plan = steps(attempt.actions);
  const total = plan.length * FRAMES_A_STEP;
  if (attempt.frames.length) budget = new Budget(total - attempt.frames.length);
  if (attempt.frames.length >= FRAMES_A_STEP) await step(null, STEPS - 1); // how the head is held, after a reload
  for (const { action, first } of plan) {
    const places = Array.from({ length: FRAMES_A_STEP }, (_, i) => first + i);
    const missing = places.filter((place) => !attempt.frames.includes(place));
    if (missing.length) await step(attempt.actions[action] ?? null, (total - first) / FRAMES_A_STEP - 1);
    for (const place of missing) {
      if (cancelled.aborted) return;
      const atMs = Math.round(performance.now() - beganAt);
      const picture = await camera.frame(video);
      budget.frame(picture);
      upload.add(place, picture, atMs, action);
      progress((place + 1) / total);
      await send.pause(GAP_MS);
    }
    if (missing.length && attempt.actions[action] === EYES) await opened();
  }
  signal(2);
}

// Eyes that are shut see no instruction: they are called back before the next one is shown.
async function opened() {
  say("open_eyes");
  signal(2);
  await send.pause(OPENING_MS);
}

async function step(asked, stepsToCome) {
  const unhurried = asked === EYES ? READ_MS : 0;
  advise("");
  say(asked ?? "straight");
  signal();
  const begun = performance.now();
  await send.pause(LEAD_MS);
  const guided = () => sees(stepsToCome) && (!asked || straight.size > 0);
  while (guided() && performance.now() < begun + STEP_MS + unhurried) {
    const seen = await look(asked ? { action: asked, ...straight } : {});
    advise(seen?.words ?? "");
    if (seen?.seen) return send.pause(asked ? HOLD_MS : 0);
    await send.pause(LOOK_EVERY_MS);
  }
  if (asked) await send.pause(begun + UNSEEN_MS + unhurried - performance.now());
}
