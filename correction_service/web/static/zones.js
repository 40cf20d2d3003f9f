// Draw a zone: a click sets a circle's centre or adds a corner. The form works without any of it.
import { fetched, view } from "./map.js";

const L = window.L;
const form = document.getElementById("zone-form");
const field = (name) => form.elements[name];
const parts = document.querySelectorAll("[data-shape]");
const readings = [...document.querySelectorAll("[data-reading]")];
let corners = [];
let drawing;

function chosen() {
  for (const part of parts) part.hidden = part.dataset.shape !== field("shape").value;
  field("hours").closest(".field").hidden = !["curfew", "place"].includes(field("kind").value) && !field("hours").value;
  field("wording").closest(".field").hidden = field("kind").value !== "exclusion" && !field("wording").value;
  draw();
}

function shape() {
  if (field("shape").value === "circle") return circle();
  if (corners.length > 2) return L.polygon(corners);
  return corners.length ? L.polyline(corners) : pasted();
}

function circle() {
  const [lat, lon, radius] = ["lat", "lon", "radius_m"].map((name) => Number.parseFloat(field(name).value));
  return Number.isFinite(lat + lon) && radius > 0 ? L.circle([lat, lon], { radius }) : null;
}

function pasted() {
  try {
    return L.geoJSON(JSON.parse(field("geometry").value));
  } catch {
    return null; // half typed: the service says what is wrong with it
  }
}

function draw() {
  if (!view || !drawing) return;
  drawing.clearLayers();
  if (readings.some((choice) => choice.isConnected)) return drawReadings();
  const shown = field("crs").value === form.dataset.datum ? shape() : null; // else it would lie
  if (!shown) return;
  shown.setStyle({ className: "area drawn", interactive: false });
  shown.addTo(drawing);
  if (!(shown instanceof L.Circle)) for (const at of corners) L.circleMarker(at, { radius: 3, className: "fix", interactive: false }).addTo(drawing);
}

function drawReadings() {
  readings.forEach((choice, number) => {
    const chosen = choice.checked ? " chosen" : "";
    L.geoJSON(JSON.parse(choice.dataset.reading), { interactive: false, style: { className: `area reading-${number + 1}${chosen}` } }).addTo(drawing);
  });
}

// Other numbers are another question: what was answered about the old ones says nothing of them.
function asked() {
  for (const part of form.querySelectorAll("[data-question], [data-answer]")) part.remove();
}

function byHand(yes) {
  form.querySelector("[name=by_hand]")?.remove();
  if (yes) form.append(Object.assign(document.createElement("input"), { type: "hidden", name: "by_hand", value: "1" }));
}

function cornersChanged() {
  asked();
  byHand(true);
  const ring = [...corners, corners[0]].map(({ lat, lng }) => [lng, lat].map((degrees) => Number(degrees.toFixed(6))));
  field("geometry").value = corners.length > 2 ? JSON.stringify({ type: "Polygon", coordinates: [ring] }) : "";
  draw();
}

function clicked({ latlng }) {
  field("crs").value = form.dataset.datum;
  if (field("shape").value === "polygon") {
    corners.push(latlng);
    return cornersChanged();
  }
  asked();
  field("lat").value = latlng.lat.toFixed(6);
  field("lon").value = latlng.lng.toFixed(6);
  return draw();
}

async function start() {
  drawing = L.featureGroup().addTo(view.map);
  view.map.on("click", clicked);
  const box = view.map.getContainer();
  if (box.dataset.zones) view.draw(await fetched(box.dataset.zones.replace("/0/", `/${form.dataset.case}/`)), view.map);
  draw();
  drawing.bringToFront();
  const bounds = drawing.getBounds();
  if (readings.length && bounds.isValid()) setTimeout(() => view.map.fitBounds(bounds, { padding: [30, 30] }), 300);
}

if (view) start().catch(() => view.say(view.words.failed));
form.addEventListener("input", (event) => {
  if (event.target.name === "geometry") {
    corners = [];
    byHand(false);
  }
  if (["geometry", "file", "lat", "lon", "radius_m", "crs"].includes(event.target.name)) asked();
  chosen();
});
form.querySelector("[data-undo]").addEventListener("click", () => {
  corners.pop();
  cornersChanged();
});
form.querySelector("[data-clear]").addEventListener("click", () => {
  corners = [];
  cornersChanged();
});
chosen();
