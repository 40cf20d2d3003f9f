// Photos for a face: each is judged at once and says what is wrong with it; three good ones enrol.
const page = document.getElementById("face");
const words = document.getElementById("words").dataset;
const token = document.querySelector('meta[name="csrf-token"]').content;
const LONG_SIDE_PX = 1280;
const $ = (id) => document.getElementById(id);
const [video, shots, advice, error] = ["video", "shots", "advice", "face-error"].map($);
const needed = Number(page.dataset.needed);
const most = Number(page.dataset.most);
const photos = new Map(); // <li> → {blob, good}

$("plain").hidden = true;
$("camera").hidden = false;

async function post(address, form) {
  const answer = await fetch(address, {
    method: "POST",
    body: form,
    headers: { "X-CSRFToken": token, Accept: "application/json" },
  });
  const body = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(body.title), { body });
  return body;
}

function tell(message) {
  error.hidden = !message;
  error.textContent = message ?? "";
  if (message) error.focus();
}

function count() {
  const good = [...photos.values()].filter((photo) => photo.good).length;
  $("shots-card").hidden = !photos.size;
  $("tally").textContent = words.tally.replace("{good}", good).replace("{needed}", needed);
  $("enrol").disabled = good < needed;
  $("take").disabled = photos.size >= most;
}

function show(item, good, message) {
  const said = item.querySelector(".said");
  said.textContent = good ? `✓ ${words.good}` : `✗ ${message}`;
  said.className = good ? "said good" : "said field-error";
  item.classList.toggle("refused", !good);
}

function card(blob) {
  const item = document.createElement("li");
  const image = new Image();
  image.src = URL.createObjectURL(blob);
  image.alt = `${words.photo} ${photos.size + 1}`;
  const said = document.createElement("p");
  said.className = "said";
  said.textContent = words.checking;
  const remove = document.createElement("button");
  remove.type = "button";
  remove.className = "quiet small";
  remove.textContent = words.remove;
  remove.addEventListener("click", () => {
    URL.revokeObjectURL(image.src);
    photos.delete(item);
    item.remove();
    count();
  });
  item.append(image, said, remove);
  return item;
}

async function add(blob) {
  if (photos.size >= most) return;
  const item = card(blob);
  shots.append(item);
  photos.set(item, { blob, good: false });
  count();
  const form = new FormData();
  form.append("photo", blob, "photo.jpg");
  try {
    const judged = await post(page.dataset.assess, form);
    const message = judged.reasons.map((reason) => reason.words).join(" ");
    if (photos.has(item)) photos.get(item).good = judged.accepted;
    show(item, judged.accepted, message);
    advice.textContent = message;
  } catch (failure) {
    show(item, false, failure.body ? failure.message : words.offline);
  }
  count();
}

async function start() {
  if (!navigator.mediaDevices?.getUserMedia) return tell(words.insecure);
  try {
    const wanted = { facingMode: "user", width: { ideal: 1280 }, height: { ideal: 720 } };
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: wanted });
    $("start").hidden = true;
    $("take").hidden = false;
    $("camera").classList.add("on");
    $("take").focus();
    tell();
  } catch (refusal) {
    tell(refusal.name === "NotAllowedError" ? words.refused : words.missing);
  }
}

function take() {
  const scale = Math.min(1, LONG_SIDE_PX / Math.max(video.videoWidth, video.videoHeight));
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth * scale;
  canvas.height = video.videoHeight * scale;
  canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
  canvas.toBlob((blob) => blob && add(blob), "image/jpeg", 0.92);
}

async function enrol() {
  const sent = [...photos].filter(([, photo]) => photo.good);
  const form = new FormData();
  for (const [, photo] of sent) form.append("photos", photo.blob, "photo.jpg");
  $("enrol").disabled = true;
  try {
    await post(page.dataset.enrol, form);
    location.assign(page.dataset.done);
  } catch (failure) {
    tell(failure.body ? failure.message : words.offline);
    for (const [at, judged] of (failure.body?.photos ?? []).entries()) {
      const item = sent[at][0];
      photos.get(item).good = judged.accepted;
      show(item, judged.accepted, judged.reasons.map((reason) => reason.words).join(" "));
    }
    count();
  }
}

$("start").addEventListener("click", start);
$("take").addEventListener("click", take);
$("enrol").addEventListener("click", enrol);
$("pick").addEventListener("change", async (event) => {
  for (const file of event.target.files) await add(file);
  event.target.value = "";
});
