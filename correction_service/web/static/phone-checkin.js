// The check-in, one state at a time; every sentence stands in the page, in the reader's language.
import * as camera from "./phone-camera.js";
import * as send from "./phone-send.js";

const root = document.getElementById("checkin");
const video = root.querySelector("video");
const ring = root.querySelector(".ring.progress");
const POSITION_WAIT_MS = 5000;
let permit = null;
let place = null;

const all = (selector) => root.querySelectorAll(selector);

function show(state, words) {
  for (const section of all("[data-state]")) section.hidden = section.dataset.state !== state;
  const shown = root.querySelector(`[data-state="${state}"]`);
  if (words) shown.querySelector("[data-words]").textContent = words;
  (shown.querySelector("h1") ?? shown).scrollIntoView({ block: "nearest" });
}

function say(name) {
  for (const line of all('[data-state="framing"] [data-say]')) line.hidden = line.dataset.say !== name;
}

function stop(error) {
  camera.close(video);
  if (error instanceof camera.CameraStopped) return show(error.state);
  if (!(error instanceof send.Refused)) return show("offline");
  if (error.status === 401) return show("signed_out");
  if (error.code.startsWith("challenge_")) return show("expired");
  return show("failed", error.message);
}

async function openCamera() {
  show("waiting");
  place = camera.position();
  try {
    await camera.open(video);
    const issued = await send.challenge(root.dataset.challengeUrl);
    permit = { token: issued.token, endsAt: Date.now() + issued.seconds * 1000 };
    ring.style.strokeDashoffset = "100";
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
    const frames = await camera.burst(video, (part) => {
      ring.style.strokeDashoffset = String(100 * (1 - part));
    });
    camera.close(video);
    show("sending");
    const form = await filled(frames);
    const result = await send.capture(root.dataset.captureUrl, form, permit.endsAt, waiting);
    location.assign(root.dataset.receiptUrl.replace("RECEIPT", result.receipt));
  } catch (error) {
    stop(error);
  } finally {
    button.disabled = false;
  }
}

function waiting(state, seconds) {
  show(state);
  for (const left of all("[data-left]")) left.textContent = seconds;
}

async function filled(frames) {
  const form = new FormData();
  form.set("token", permit.token);
  frames.forEach((frame, i) => form.append("frames", frame, `${i}.jpg`));
  const where = await Promise.race([place, new Promise((done) => setTimeout(done, POSITION_WAIT_MS, null))]);
  root.querySelector('[data-say="no-position"]').hidden = Boolean(where);
  if (where) {
    form.set("lat", where.latitude);
    form.set("lon", where.longitude);
    form.set("accuracy_m", where.accuracy);
  }
  const mood = root.querySelector('[name="mood"]:checked');
  if (mood) form.set("mood", mood.value);
  for (const name of ["help", "call_back"]) form.set(name, root.querySelector(`[name="${name}"]`).checked);
  return form;
}

const ACTS = {
  camera: openCamera,
  capture: takeAndSend,
  again: () => (root.querySelector('[data-state="signed_out"]').hidden ? openCamera() : location.reload()),
};
for (const button of all("[data-go]")) button.addEventListener("click", () => ACTS[button.dataset.go](button));
addEventListener("pagehide", () => camera.close(video));

const obstacle = camera.unavailable();
if (obstacle) show(obstacle);
