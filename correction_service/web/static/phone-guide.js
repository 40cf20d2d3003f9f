// Guides a person before the camera: advice while aiming, then what is asked, step by step.
import * as camera from "./phone-camera.js";
import * as send from "./phone-send.js";
import { signal } from "./phone-signal.js";
import { advise, progress, root, say, video } from "./phone-states.js";

const FRAMES_A_STEP = 3;
const AIM_EVERY_MS = 500;
const SLOW_MS = 1500; // slower than this, live advice is of a face that has moved on
const MOST_SLOW = 2; // in a row: the first answer may wait for the server to load what looks
const LEAD_MS = 900; // to read the instruction
const STEP_MS = 4500; // then the frames are taken whatever is seen
const UNSEEN_MS = 1300; // without anybody who sees, a movement is at its height about then
const GAP_MS = 250;
const HOLD_MS = 300; // what was seen on its way goes on for a moment

let live = true; // until the network turns out too slow for it, or nobody has room to advise
let slow = 0;
let straight = {};

export const steps = (actions) => [null, ...actions.keys()].map((action, i) => ({ action, first: i * FRAMES_A_STEP }));

async function look(fields = {}) {
  if (!live) return null;
  const asked = performance.now();
  try {
    const seen = await send.aim(root.dataset.aimUrl, await camera.glance(video), fields);
    slow = performance.now() - asked > SLOW_MS ? slow + 1 : 0;
    if (slow >= MOST_SLOW) live = false;
    return seen;
  } catch (error) {
    if (error instanceof camera.CameraStopped) throw error;
    live = false; // the steps go on by the clock
    return null;
  }
}

// Advise until `done`; the pose of the face held straight is what movements are measured against.
export async function aiming(done) {
  live = true;
  slow = 0;
  while (!done.aborted) {
    const seen = await look();
    if (done.aborted) return;
    if (seen === null) {
      say("ready");
      advise("");
      return;
    }
    say(seen.advice ? "aim" : "good");
    advise(seen.words ?? "");
    if (!seen.advice) straight = seen.pose;
    await send.pause(AIM_EVERY_MS);
  }
}

// Take the frames that are missing, each on its way up as soon as it is taken.
export async function through(attempt, upload, beganAt, cancelled) {
  const plan = steps(attempt.actions);
  const total = plan.length * FRAMES_A_STEP;
  for (const { action, first } of plan) {
    const places = Array.from({ length: FRAMES_A_STEP }, (_, i) => first + i);
    const missing = places.filter((place) => !attempt.frames.includes(place));
    if (missing.length) await step(attempt.actions[action] ?? null);
    for (const place of missing) {
      if (cancelled.aborted) return;
      const atMs = Math.round(performance.now() - beganAt);
      upload.add(place, await camera.frame(video), atMs, action);
      progress((place + 1) / total);
      await send.pause(GAP_MS);
    }
  }
  signal(2);
}

async function step(asked) {
  advise("");
  say(asked ?? "straight");
  signal();
  await send.pause(LEAD_MS);
  const until = performance.now() + STEP_MS - LEAD_MS;
  while (live && asked && performance.now() < until) {
    const seen = await look({ action: asked, ...straight });
    advise(seen?.words ?? "");
    if (seen?.seen) return send.pause(HOLD_MS);
  }
  if (!live && asked) await send.pause(UNSEEN_MS - LEAD_MS);
}
