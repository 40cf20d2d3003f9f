// The map: outline, offices, people as shapes, one person's trail with its gaps. Needs no tiles.
const SIX_HOURS_MS = 6 * 3600 * 1000;
const MOST_CIRCLES = 150;
const SHAPES = { urgent: "◆", soon: "▲", watch: "●" };
const REFRESH_MS = 5_000;

const box = document.getElementById("map");
const L = window.L;

export async function fetched(url) {
  const answer = await fetch(url, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

function clock(iso) {
  const at = new Date(iso);
  const exact = { timeZone: box.dataset.zone, hour12: false, month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" };
  return at.toLocaleString(box.dataset.language, exact);
}

// Leaflet takes a string for HTML: what people typed goes in as text.
const text = (words) => document.createTextNode(words);

function card(lines) {
  const element = document.createElement("div");
  for (const line of lines) {
    const row = document.createElement("p");
    if (line instanceof Node) row.append(line);
    else row.textContent = line;
    element.append(row);
  }
  return element;
}

class PositionMap {
  constructor() {
    this.words = JSON.parse(box.dataset.words);
    this.map = L.map(box, { zoomControl: false, attributionControl: Boolean(box.dataset.tiles), minZoom: 4, maxZoom: 18 });
    L.control.zoom({ zoomInTitle: this.words.zoom_in, zoomOutTitle: this.words.zoom_out }).addTo(this.map);
    L.control.scale({ imperial: false }).addTo(this.map);
    this.map.setView([27.72, 106.92], 10);
    if (box.dataset.tiles) L.tileLayer(box.dataset.tiles, { attribution: box.dataset.attribution }).addTo(this.map);
    this.people = L.layerGroup().addTo(this.map);
    this.trail = L.featureGroup().addTo(this.map);
    this.refreshedAt = 0;
  }

  async start() {
    const { outline, positions, case: caseId, since, until } = box.dataset;
    const county = this.draw(await fetched(outline), this.map);
    if (county.getBounds().isValid()) this.map.fitBounds(county.getBounds(), { padding: [12, 12] });
    if (positions) await this.refresh();
    if (caseId) await this.follow(caseId, since, until);
  }

  draw(geojson, target) {
    return L.geoJSON(geojson, {
      interactive: false,
      style: (feature) => ({ className: `area ${feature.properties.kind}` }),
      pointToLayer: (feature, at) => this.symbol(at, "■", feature.properties.kind, feature.properties.name, false),
      onEachFeature: (feature, layer) => {
        const { kind, name } = feature.properties;
        if (target === this.map && box.dataset.case) return;
        const place = kind === "office" ? { direction: "right", offset: [8, 0] } : { direction: "center" };
        layer.bindTooltip(text(name), { permanent: true, className: `label ${kind}`, ...place });
      },
    }).addTo(target);
  }

  symbol(at, shape, kind, title, interactive = true) {
    const icon = L.divIcon({ className: `symbol ${kind}`, html: shape, iconSize: [22, 22] });
    return L.marker(at, { icon, title, alt: title, interactive, keyboard: interactive, zIndexOffset: kind === "urgent" ? 1000 : 0 });
  }

  async refresh() {
    this.refreshedAt = Date.now();
    const { positions } = await fetched(box.dataset.positions);
    this.people.clearLayers();
    for (const person of positions) this.person(person);
  }

  person(person) {
    const kind = person.severity ?? (person.old ? "old" : "calm");
    const shape = SHAPES[person.severity] ?? (person.old ? "○" : "●");
    const marker = this.symbol([person.lat, person.lon], shape, `${kind}${person.old ? " stale" : ""}`, person.name);
    const link = document.createElement("a");
    link.href = `/cases/${person.case_id}`;
    link.textContent = person.name;
    const accuracy = person.accuracy_m === null ? this.words.unknown : `${Math.round(person.accuracy_m)} m`;
    const show = document.createElement("button");
    show.type = "button";
    show.className = "button small";
    show.textContent = this.words.trail;
    show.dataset.showCase = person.case_id;
    marker.bindPopup(card([link, clock(person.at), `${this.words.accuracy} ${accuracy}`, show]));
    marker.addTo(this.people);
  }

  async follow(caseId, since, until) {
    const end = until ?? new Date().toISOString();
    const start = since ?? new Date(Date.now() - SIX_HOURS_MS).toISOString();
    const of = (url) => url.replace("/0/", `/${caseId}/`);
    const span = new URLSearchParams({ since: start, until: end });
    const [trail, zones] = await Promise.all([fetched(`${of(box.dataset.trail)}?${span}`), fetched(of(box.dataset.zones))]);
    this.trail.clearLayers();
    const areas = this.draw(zones, this.trail);
    this.circles(trail.segments.flat());
    for (const segment of trail.segments) this.line(segment, "trail");
    this.gaps(trail.segments);
    const points = trail.segments.flat();
    if (points.length) {
      this.ends(points);
      this.map.fitBounds(L.latLngBounds(points.map((p) => [p.lat, p.lon])), { padding: [40, 40], maxZoom: 15 });
    } else {
      if (areas.getBounds().isValid()) this.map.fitBounds(areas.getBounds(), { padding: [20, 20] });
      this.say(this.words.nothing);
    }
  }

  line(points, kind) {
    L.polyline(points.map((p) => [p.lat, p.lon]), { className: kind, interactive: false }).addTo(this.trail);
  }

  gaps(segments) {
    for (let i = 1; i < segments.length; i += 1) this.line([segments[i - 1].at(-1), segments[i][0]], "trail gap");
  }

  circles(points) {
    const every = Math.ceil(points.length / MOST_CIRCLES);
    points.forEach((point, i) => {
      if (i % every) return;
      const at = [point.lat, point.lon];
      if (point.accuracy_m) L.circle(at, { radius: point.accuracy_m, className: "accuracy", interactive: false }).addTo(this.trail);
      const accuracy = point.accuracy_m === null ? this.words.unknown : `${Math.round(point.accuracy_m)} m`;
      L.circleMarker(at, { radius: 3, className: "fix" }).bindTooltip(text(`${clock(point.at)} · ${accuracy} · ${point.source ?? this.words.unknown}`)).addTo(this.trail);
    });
  }

  ends(points) {
    const last = points.at(-1);
    L.circleMarker([last.lat, last.lon], { radius: 7, className: "fix last" }).bindTooltip(text(clock(last.at)), { permanent: true, direction: "top", offset: [0, -6], className: "label" }).addTo(this.trail);
  }

  say(text) {
    const note = L.control({ position: "topright" });
    note.onAdd = () => Object.assign(document.createElement("p"), { className: "map-note", textContent: text });
    if (this.note) this.note.remove();
    this.note = note.addTo(this.map);
  }
}

export const view = box && L ? new PositionMap() : null;

if (view) {
  const failed = () => view.say(view.words.failed);
  view.start().catch(failed);
  let due = 0;
  document.body.addEventListener("live", () => {
    if (!box.dataset.positions || due) return;
    const wait = Math.max(0, view.refreshedAt + REFRESH_MS - Date.now());
    due = setTimeout(() => {
      due = 0;
      view.refresh().catch(failed);
    }, wait);
  });
  document.addEventListener("click", (event) => {
    const caseId = event.target.closest("[data-show-case]")?.dataset.showCase;
    if (!caseId) return;
    document.querySelectorAll("[data-row].shown").forEach((row) => row.classList.remove("shown"));
    event.target.closest("[data-row]")?.classList.add("shown");
    view.map.closePopup();
    view.follow(caseId).catch(failed);
  });
}
