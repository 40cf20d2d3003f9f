// The check-in at the counter: a burst of frames at once, with an officer beside the camera.
import * as camera from "./phone-camera.js";
import * as send from "./phone-send.js";
import { acts, beside, lost, progress, root, say, show, video, why } from "./phone-states.js";

const FRAMES = 5;
const BURST_MS = 2000;
const POSITION_WAIT_MS = 5000;
const PERMIT_WAIT_MS = 30_000;
let permit = null;
let place = null;

function stop(error) {
  camera.close(video);
  why(error);
}

async function openCamera() {
  show("waiting");
  place ??= camera.position();
  try {
    await camera.open(video);
    permit = await send.challenge(root.dataset.challengeUrl, { endsAt: Date.now() + PERMIT_WAIT_MS, lost });
    permit.endsAt = Date.now() + permit.seconds * 1000;
    progress(0);
    say("ready");
    show("framing");
  } catch (error) {
    stop(error);
  }
}

async function takeAndSend(button) {
  button.disabled = true;
  say("still");
  try {
    const frames = [];
    for (let i = 0; i < FRAMES; i += 1) {
      frames.push(await camera.frame(video));
      progress((i + 1) / FRAMES);
      await send.pause(BURST_MS / FRAMES);
    }
    camera.close(video);
    show("sending");
    const told = await beside(place, POSITION_WAIT_MS);
    const when = { endsAt: permit.endsAt, lost };
    const made = await send.capture(root.dataset.captureUrl, permit.token, frames, told, when);
    location.assign(root.dataset.receiptUrl.replace("RECEIPT", made.receipt));
  } catch (error) {
    stop(error);
  } finally {
    button.disabled = false;
  }
}

acts({ camera: openCamera, begin: takeAndSend, again: openCamera });
addEventListener("pagehide", () => camera.close(video));

const obstacle = camera.unavailable();
if (obstacle) show(obstacle);
