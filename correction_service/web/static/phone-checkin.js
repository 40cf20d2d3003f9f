// The check-in on a person's own phone: aim, do what is asked, and be judged, now or when there is room.
import * as camera from "./phone-camera.js";
import * as guide from "./phone-guide.js";
import * as send from "./phone-send.js";
import { allow } from "./phone-signal.js";
import { acts, all, beside, lost, onRecord, progress, root, say, show, video, why } from "./phone-states.js";

const { attemptsUrl, challengeUrl, receiptUrl } = root.dataset;
const GRACE_MS = Number(root.dataset.graceSeconds) * 1000;
const POSITION_WAIT_MS = 5000;
const PERMIT_WAIT_MS = 120_000; // an attempt that cannot begin leaves no trace: it is worth insisting
const ENOUGH_MS = 35_000; // four steps by the clock take up to 32 s, shut eyes among them
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
  const { signal } = cancelled;
  try {
    attempt ??= await permitted();
    if (signal.aborted) return await cancel();
    show("framing");
    const upload = uploading();
    await guide.through(attempt, upload, attempt.beganAt, signal);
    if (signal.aborted) return;
    camera.close(video);
    show("sending");
    await finish(upload);
  } catch (error) {
    attempt = null;
    if (!signal.aborted) stop(error);
  }
}

async function permitted() {
  const permit = await send.challenge(challengeUrl, { endsAt: Date.now() + PERMIT_WAIT_MS, lost });
  return known({ ...permit, frames: [], begun_ms: 0 });
}

// Times are counted from when the answer came: the page may stand a while before it goes on.
function known(told) {
  const made = { ...told, beganAt: performance.now() - told.begun_ms, endsAt: Date.now() + told.seconds * 1000 };
  onRecord(made.receipt, receiptUrl.replace("RECEIPT", made.receipt));
  return made;
}

// While the frames are being taken nothing of the network is shown: they wait their turn.
function quietly(state, seconds) {
  if (root.querySelector('[data-state="framing"]').hidden) lost(state, seconds);
}

const uploading = () =>
  new send.Upload(attemptsUrl, attempt.receipt, { endsAt: attempt.endsAt + GRACE_MS, lost: quietly });

async function finish(upload) {
  const left = await upload.finish(await beside(place, POSITION_WAIT_MS));
  await answered(left);
}

async function answered(standing) {
  while (standing.state === "waiting") {
    show("later");
    await send.pause((standing.retry_after_s ?? 3) * 1000);
    standing = await send.standing(attemptsUrl, standing.receipt).catch((error) => {
      if (!send.passing(error)) throw error;
      return standing; // the answer is there when the network is, or we are, back
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
  const told = await send.underWay(attemptsUrl).catch(() => null);
  if (!told) return;
  attempt = known(told);
  if (attempt.state === "waiting") return answered(attempt).catch(stop);
  show("resume");
}

async function goOn() {
  const complete = attempt.frames.length === guide.steps(attempt.actions).length * 3;
  if (!complete && Date.now() + ENOUGH_MS < attempt.endsAt) return openCamera();
  if (!attempt.frames.length) {
    attempt = null; // nothing of it was sent: begin anew
    return openCamera();
  }
  show("sending");
  place ??= camera.position();
  await finish(uploading()).catch(stop);
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
