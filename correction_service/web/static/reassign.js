// Choosing incidents to give to somebody else; a list that changes by itself keeps what is chosen.
const list = () => document.getElementById("list");
const boxes = () => [...list().querySelectorAll('[name="incident"]')];
const chosen = document.getElementById("chosen");

function count() {
  const number = boxes().filter((box) => box.checked).length;
  if (chosen) chosen.textContent = `${number} ${chosen.dataset.words}`;
}

let kept = new Set();
document.addEventListener("htmx:beforeSwap", () => {
  kept = new Set(boxes().filter((box) => box.checked).map((box) => box.value));
});
document.addEventListener("htmx:afterSettle", () => {
  boxes().forEach((box) => (box.checked = kept.has(box.value)));
  count();
});
document.addEventListener("change", (event) => {
  if (event.target.name === "incident") count();
});
document.getElementById("choose-all")?.addEventListener("click", () => {
  const all = boxes();
  const on = !all.every((box) => box.checked);
  all.forEach((box) => (box.checked = on));
  count();
});
count();
