// Keyboard, help and small manners of every console page.
const typing = (target) => target.closest("input, textarea, select, [contenteditable]");
const rows = () => [...document.querySelectorAll("[data-row]")];

function step(by) {
  const all = rows();
  if (!all.length) return;
  const here = all.indexOf(document.activeElement.closest?.("[data-row]"));
  const next = all[Math.min(Math.max(here + by, 0), all.length - 1)];
  next.querySelector("a, button")?.focus();
  next.scrollIntoView({ block: "nearest" });
}

function press(key) {
  const within = document.activeElement.closest("[data-row]") ?? document;
  const button = within.querySelector(`[data-key="${key}"]`);
  button?.click();
  return Boolean(button);
}

const help = document.getElementById("help");
const keys = {
  "/": () => document.getElementById("search")?.focus(),
  j: () => step(1),
  k: () => step(-1),
  g: () => location.assign("/"),
  "?": () => help.showModal(),
};

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    document.getElementById("quick")?.replaceChildren();
    document.querySelectorAll("details.menu[open]").forEach((menu) => (menu.open = false));
  }
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || help.open) return;
  const act = keys[event.key];
  if (act) act();
  else if (event.key.length !== 1 || !press(event.key)) return;
  event.preventDefault();
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-help]")) help.showModal();
  document.querySelectorAll("details.menu[open]").forEach((menu) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
  if (!event.target.closest(".search")) document.getElementById("quick")?.replaceChildren();
});

// An act with consequences asks once, in its own words.
document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.confirm ?? event.target.dataset.confirm;
  if (question && !confirm(question)) event.preventDefault();
});

// Filters apply as they are chosen; the URL is the state.
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-filters]");
  if (form) form.requestSubmit();
});

// A session that ended shows the door, not the door inside a list.
document.addEventListener("htmx:beforeSwap", (event) => {
  const landed = new URL(event.detail.xhr.responseURL || location.href);
  if (landed.pathname !== "/sign-in") return;
  event.preventDefault();
  location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
});

// Live pages keep a session alive; a desk that nobody touches signs out all the same.
const idleMs = Number(document.querySelector("[data-idle-minutes]").dataset.idleMinutes) * 60_000;
let touchedAt = Date.now();
for (const kind of ["pointerdown", "keydown", "wheel"]) {
  addEventListener(kind, () => (touchedAt = Date.now()), { passive: true });
}
setInterval(() => {
  if (Date.now() - touchedAt > idleMs) document.getElementById("sign-out").submit();
}, 30_000);
