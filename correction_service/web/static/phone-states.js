// The page shows one state at a time; every sentence stands in it, in the reader's language.
import { CameraStopped } from "./phone-camera.js";
import { passing } from "./phone-send.js";

export const root = document.getElementById("checkin");
export const video = root.querySelector("video");
const instruction = root.querySelector(".instruction");
const advice = root.querySelector(".advise");
const ring = root.querySelector(".ring.progress");

export const all = (selector) => root.querySelectorAll(selector);

export function show(state, words) {
  for (const section of all("[data-state]")) section.hidden = section.dataset.state !== state;
  const shown = root.querySelector(`[data-state="${state}"]`);
  if (words) shown.querySelector("[data-words]").textContent = words;
  (shown.querySelector("h1") ?? shown).scrollIntoView({ block: "nearest" });
}

// What keeps the next try waiting, and for how long.
export function lost(state, seconds) {
  for (const count of all("[data-seconds]")) count.textContent = seconds;
  show(state);
}

// From its receipt on an attempt is on record; before, nothing that fails here is.
export function onRecord(receipt, page) {
  for (const place of all("[data-receipt]")) place.textContent = receipt;
  for (const link of all("[data-standing]")) link.href = page;
  for (const part of all("[data-known], [data-unknown]")) part.hidden = "unknown" in part.dataset;
}

export const shown = () => root.querySelector("[data-state]:not([hidden])").dataset.state;

const sentence = (name) => root.querySelector(`[data-sentence="${name}"]`).textContent;

// One instruction at a time. A live region that is written again though nothing changed is read again.
export function say(name) {
  const words = sentence(name);
  if (instruction.textContent !== words) instruction.textContent = words;
}

export function advise(words) {
  if (advice.textContent !== words) advice.textContent = words;
  advice.hidden = !words;
}

export function progress(part) {
  ring.style.strokeDashoffset = String(100 * (1 - part));
}

export function why(error) {
  if (error instanceof CameraStopped) return show(error.state);
  if (passing(error)) return show("unreached");
  if (error.status === 401) return show("signed_out");
  if (error.code.startsWith("challenge_")) return show("expired");
  return show("failed", error.message);
}

// What the person answered, and where the phone is if it may be known in time.
export async function beside(place, waitMs) {
  const where = await Promise.race([place, new Promise((done) => setTimeout(done, waitMs, null))]);
  root.querySelector('[data-say="no-position"]').hidden = Boolean(where);
  const told = { mood: root.querySelector('[name="mood"]:checked')?.value };
  for (const name of ["help", "call_back"]) told[name] = root.querySelector(`[name="${name}"]`).checked;
  return where ? { ...told, lat: where.latitude, lon: where.longitude, accuracy_m: where.accuracy } : told;
}

// The first button waits for this, so that no press on a slow line is lost.
export function acts(handlers) {
  for (const button of all("[data-go]")) {
    button.addEventListener("click", () => handlers[button.dataset.go](button));
    button.disabled = false;
  }
}
