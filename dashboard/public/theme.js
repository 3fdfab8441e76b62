// What this device has chosen over the system's colours, before anything is drawn: a module would
// come after the first picture, and the policy allows no inline script. src/theme.ts is the rest.
try {
  const chosen = localStorage.getItem("hsi.theme");
  if (chosen === "light" || chosen === "dark") {
    document.documentElement.dataset.theme = chosen;
    for (const meta of document.querySelectorAll("meta[name=theme-color]")) {
      meta.content = meta.dataset[chosen];
    }
  }
} catch {
  // Where site data are blocked, the system's colours it is.
}
