// After an error the summary takes the focus; sex and birth are asked only without a resident ID.
document.getElementById("error-summary")?.focus();
const kind = document.getElementById("id_kind");
function ask() {
  for (const id of ["sex", "born_on"]) {
    document.getElementById(id).closest(".field").hidden = kind.value === "resident";
  }
}
if (kind) {
  kind.addEventListener("change", ask);
  ask();
}
