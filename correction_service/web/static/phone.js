// Every phone page: keep the shell for when the network goes, and copy addresses.
if ("serviceWorker" in navigator) navigator.serviceWorker.register("/m/sw.js").catch(() => {});

for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    await navigator.clipboard?.writeText(button.dataset.copy);
    button.disabled = true;
  });
}
