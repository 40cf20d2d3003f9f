// Live pages: every committed change becomes a "live" event on the body; htmx fetches anew.
// Without a place among the streams the page asks every 15 seconds and tries again now and then.
const POLL_MS = 15_000;
const TRY_AGAIN_MS = 60_000;
const STALE_MS = 40_000;
const TOGETHER_MS = 500;

const mark = document.getElementById("live");
const text = mark.querySelector(".live-text");
let heardAt = 0;
let polling = 0;
let due = 0;

// Changes that come together are told together, and the last of them is never lost.
function announce() {
  due ||= setTimeout(() => {
    due = 0;
    document.body.dispatchEvent(new CustomEvent("live"));
  }, TOGETHER_MS);
}

function heard() {
  heardAt = Date.now();
  show();
}

function show() {
  const age = Date.now() - heardAt;
  const on = heardAt > 0 && age < STALE_MS;
  mark.classList.toggle("on", on);
  text.textContent = on ? `${mark.dataset.on} · ${Math.round(age / 1000)} s` : mark.dataset.off;
}

function poll(on) {
  if (on === Boolean(polling)) return;
  if (on) polling = setInterval(announce, POLL_MS);
  else polling = clearInterval(polling) || 0;
}

function listen() {
  const source = new EventSource(mark.dataset.events);
  source.addEventListener("open", () => {
    poll(false);
    heard();
    announce();
  });
  source.addEventListener("beat", heard);
  source.addEventListener("live", () => {
    heard();
    announce();
  });
  source.addEventListener("error", () => {
    poll(true);
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, TRY_AGAIN_MS);
  });
  addEventListener("pagehide", () => source.close());
}

if (mark) {
  listen();
  setInterval(show, 1000);
}
