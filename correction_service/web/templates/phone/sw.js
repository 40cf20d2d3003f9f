// Keeps the shell so that a lost network shows a page of ours. Nothing personal is ever kept:
// pages and answers go to the network only.
const SHELL = "correction-shell-2";
const OFFLINE = "{{ url_for('phone.offline') }}";
const FILES = [
  OFFLINE,
  "{{ url_for('static', filename='app.css') }}",
  "{{ url_for('static', filename='phone.css') }}",
  "{{ url_for('static', filename='phone-offline.js') }}",
];

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(SHELL).then((cache) => cache.addAll(FILES)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const old = (names) => names.filter((name) => name.startsWith("correction-shell-") && name !== SHELL);
  event.waitUntil(
    caches.keys().then((names) => Promise.all(old(names).map((name) => caches.delete(name)))).then(() => self.clients.claim()),
  );
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const path = new URL(request.url).pathname;
  if (request.method !== "GET") return;
  if (request.mode === "navigate") {
    event.respondWith(fetch(request).catch(() => caches.match(OFFLINE)));
  } else if (FILES.includes(path)) {
    event.respondWith(fetch(request).catch(() => caches.match(path)));
  }
});
