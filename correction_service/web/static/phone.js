// Every phone page: keep the shell for when the network goes, and copy addresses.
if ("serviceWorker" in navigator) navigator.serviceWorker.register("/m/sw.js").catch(() => {});

// A scanned code comes in the fragment of the address, which no server and no log ever sees.
const code = document.querySelector('input[name="code"]');
if (code && location.hash.length > 1) {
  code.value = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
}

for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    await navigator.clipboard?.writeText(button.dataset.copy);
    button.disabled = true;
  });
}
