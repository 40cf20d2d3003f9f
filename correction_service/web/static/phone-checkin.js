// The check-in on a person's own phone: aim, do what is asked, and be judged, now or when there is room.
import * as camera from "./phone-camera.js";
import * as guide from "./phone-guide.js";
import * as send from "./phone-send.js";
import { allow } from "./phone-signal.js";
import { acts, all, beside, progress, root, say, show, video, why } from "./phone-states.js";

const { attemptsUrl, challengeUrl, receiptUrl } = root.dataset;
const GRACE_MS = Number(root.dataset.graceSeconds) * 1000;
const POSITION_WAIT_MS = 5000;
const ENOUGH_S = 20; // what is left of an attempt's life for the steps that are missing
let attempt = null;
let place = null;
let aimed = new AbortController();
let cancelled = new AbortController();

async function openCamera() {
  allow();
  show("waiting");
  place ??= camera.position();
  try {
    await camera.open(video);
    progress(0);
    say("aim");
    show("framing");
    stage("aiming");
    aimed = new AbortController();
    if (attempt) return await begin();
    await guide.aiming(aimed.signal);
  } catch (error) {
    if (!aimed.signal.aborted) stop(error);
  }
}

function stage(name) {
  for (const part of all("[data-stage]")) part.hidden = part.dataset.stage !== name;
}

function stop(error) {
  aimed.abort();
  cancelled.abort();
  camera.close(video);
  why(error);
}

async function begin() {
  allow();
  aimed.abort();
  stage("steps");
  cancelled = new AbortController();
  try {
    attempt ??= fresh(await send.challenge(challengeUrl));
    for (const shown of all("[data-receipt]")) shown.textContent = attempt.receipt;
    const beganAt = performance.now() - attempt.begun_ms;
    const endsAt = Date.now() + attempt.seconds * 1000 + GRACE_MS;
    const upload = new send.Upload(attemptsUrl, attempt.receipt, { endsAt, lost });
    await guide.through(attempt, upload, beganAt, cancelled.signal);
    if (cancelled.signal.aborted) return;
    camera.close(video);
    show("sending");
    await finish(upload);
  } catch (error) {
    attempt = null;
    if (!cancelled.signal.aborted) stop(error);
  }
}

const fresh = (permit) => ({ ...permit, frames: [], begun_ms: 0 });

// While the frames are being taken nothing of the network is shown: they wait their turn.
function lost(state) {
  if (root.querySelector('[data-state="framing"]').hidden) show(state);
}

async function finish(upload) {
  const left = await upload.finish(await beside(place, POSITION_WAIT_MS));
  await answered(left);
}

async function answered(standing) {
  for (const shown of all("[data-receipt]")) shown.textContent = standing.receipt;
  while (standing.state === "waiting") {
    show("later");
    await send.pause((standing.retry_after_s ?? 3) * 1000);
    standing = await send.standing(attemptsUrl, standing.receipt).catch((error) => {
      if (error instanceof send.Refused) throw error;
      return standing; // no network: the answer is there when it is back
    });
  }
  location.assign(receiptUrl.replace("RECEIPT", standing.receipt));
}

async function cancel() {
  cancelled.abort();
  aimed.abort();
  camera.close(video);
  if (attempt) await send.cancel(attemptsUrl, attempt.receipt).catch(() => {});
  attempt = null;
  show("cancelled");
}

// After a reload: the server knows what it has, the page keeps nothing.
async function resume() {
  attempt = await send.underWay(attemptsUrl).catch(() => null);
  if (!attempt) return;
  for (const shown of all("[data-receipt]")) shown.textContent = attempt.receipt;
  if (attempt.state === "waiting") return answered(attempt).catch(stop);
  show("resume");
}

async function goOn() {
  const complete = attempt.frames.length === guide.steps(attempt.actions).length * 3;
  if (!complete && attempt.seconds >= ENOUGH_S) return openCamera();
  if (!attempt.frames.length) return cancel();
  const endsAt = Date.now() + attempt.seconds * 1000 + GRACE_MS;
  show("sending");
  place ??= camera.position();
  await finish(new send.Upload(attemptsUrl, attempt.receipt, { endsAt, lost })).catch(stop);
}

acts({
  camera: openCamera,
  begin,
  cancel,
  resume: goOn,
  again: () => (root.querySelector('[data-state="signed_out"]').hidden ? openCamera() : location.reload()),
});
addEventListener("pagehide", () => camera.close(video));

const obstacle = camera.unavailable();
if (obstacle) show(obstacle);
else resume();
