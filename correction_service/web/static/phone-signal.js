// A short tone and a buzz when the next step begins, where the phone allows them and the person does.
const wanted = document.querySelector('[name="signals"]');
let audio = null;

// Browsers let a page sound only after a touch: call it from one.
export function allow() {
  audio ??= window.AudioContext ? new AudioContext() : null;
  audio?.resume().catch(() => {});
}

export function signal(times = 1) {
  if (!wanted?.checked) return;
  navigator.vibrate?.(Array.from({ length: 2 * times - 1 }, () => 80));
  for (let i = 0; i < times && audio?.state === "running"; i += 1) beep(audio.currentTime + 0.2 * i);
}

function beep(at) {
  const tone = audio.createOscillator();
  const volume = audio.createGain();
  tone.frequency.value = 880;
  volume.gain.setValueAtTime(0.15, at);
  volume.gain.exponentialRampToValueAtTime(0.001, at + 0.15);
  tone.connect(volume).connect(audio.destination);
  tone.start(at);
  tone.stop(at + 0.16);
}
