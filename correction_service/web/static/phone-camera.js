// The front camera and a short burst of JPEG frames; and where the phone is, once.
const FRAMES = 5;
const BURST_MS = 2000;
const LONG_SIDE_PX = 640;
const MOST_BYTES = 400_000;
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

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

export async function burst(video, progress) {
  const shots = [];
  for (let i = 0; i < FRAMES; i += 1) {
    shots.push(still(video));
    progress((i + 1) / FRAMES);
    if (i + 1 < FRAMES) await pause(BURST_MS / (FRAMES - 1));
  }
  for (const quality of [0.85, 0.7, 0.5]) {
    const frames = await Promise.all(shots.map((canvas) => jpeg(canvas, quality)));
    const bytes = frames.reduce((sum, frame) => sum + frame.size, 0);
    if (bytes <= MOST_BYTES || quality === 0.5) return frames;
  }
  return [];
}

function still(video) {
  const scale = Math.min(1, LONG_SIDE_PX / Math.max(video.videoWidth, video.videoHeight));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(video.videoWidth * scale);
  canvas.height = Math.round(video.videoHeight * scale);
  canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
  return canvas;
}

const jpeg = (canvas, quality) => new Promise((done) => canvas.toBlob(done, "image/jpeg", quality));

// Resolves to null when refused, unknown or too slow: a position is never required.
export function position() {
  if (!navigator.geolocation) return Promise.resolve(null);
  const wish = { enableHighAccuracy: true, timeout: 10_000, maximumAge: 0 };
  return new Promise((done) => navigator.geolocation.getCurrentPosition(({ coords }) => done(coords), () => done(null), wish));
}
