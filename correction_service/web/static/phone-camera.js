// The front camera and its pictures as JPEG; and where the phone is, once.
import { FRAME_BYTES } from "./phone-budget.js";

const LONG_SIDES_PX = [640, 480, 320]; // a smaller picture only where nothing else keeps the share
const QUALITIES = [0.85, 0.7, 0.6, 0.5, 0.4];
const AIM_LONG_SIDE_PX = 280; // in smaller ones faces are lost as they turn
const AIM_QUALITY = 0.35; // tells faces, masks and poses as 0.6 does
const FIRST_PICTURE_MS = 10_000;

const REASONS = {
  NotAllowedError: "refused",
  SecurityError: "refused",
  NotFoundError: "missing",
  OverconstrainedError: "missing",
  NotReadableError: "taken",
  AbortError: "taken",
};

export class CameraStopped extends Error {
  constructor(state) {
    super(state);
    this.state = state;
  }
}

export function unavailable() {
  if (!window.isSecureContext) return "insecure";
  return navigator.mediaDevices?.getUserMedia ? null : "unsupported";
}

export async function open(video) {
  const wish = { audio: false, video: { facingMode: "user", width: { ideal: 640 }, height: { ideal: 480 } } };
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia(wish);
  } catch (error) {
    throw new CameraStopped(REASONS[error.name] ?? "silent");
  }
  await Promise.race([pictured(video), late()]);
}

const pictured = (video) =>
  new Promise((done) => (video.videoWidth ? done() : video.addEventListener("loadeddata", done, { once: true })));

const late = () => new Promise((_, fail) => setTimeout(() => fail(new CameraStopped("silent")), FIRST_PICTURE_MS));

export function close(video) {
  for (const track of video.srcObject?.getTracks() ?? []) track.stop();
  video.srcObject = null;
}

// One frame to be judged, as good as its share of the upload allows.
export async function frame(video) {
  let taken = null;
  const whole = still(video, LONG_SIDES_PX[0]);
  for (const longSidePx of LONG_SIDES_PX) {
    const canvas = smaller(whole, whole.width, whole.height, longSidePx);
    for (const quality of QUALITIES) {
      taken = await jpeg(canvas, quality);
      if (taken.size <= FRAME_BYTES) return taken;
    }
  }
  return taken;
}

// A small picture to be advised on.
export const glance = (video) => jpeg(still(video, AIM_LONG_SIDE_PX), AIM_QUALITY);

function still(video, longSidePx) {
  if (!video.srcObject?.active) throw new CameraStopped("taken");
  return smaller(video, video.videoWidth, video.videoHeight, longSidePx);
}

function smaller(source, width, height, longSidePx) {
  const scale = Math.min(1, longSidePx / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  canvas.getContext("2d").drawImage(source, 0, 0, canvas.width, canvas.height);
  return canvas;
}

const jpeg = (canvas, quality) => new Promise((done) => canvas.toBlob(done, "image/jpeg", quality));

// Resolves to null when refused, unknown or too slow: a position is never required.
export function position() {
  if (!navigator.geolocation) return Promise.resolve(null);
  const wish = { enableHighAccuracy: true, timeout: 10_000, maximumAge: 0 };
  return new Promise((done) => navigator.geolocation.getCurrentPosition(({ coords }) => done(coords), () => done(null), wish));
}
