import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import "./styles.css";

/** Milliseconds within which a second reload would not help more than the first. */
const RELOAD_ONCE_IN = 60_000;
const RELOADED = "hsi.reloaded-at";

// After an update the parts of an older page are gone: a newer page has its own.
addEventListener("vite:preloadError", (event) => {
  const before = Number(sessionStorage.getItem(RELOADED) ?? 0);
  if (Date.now() - before < RELOAD_ONCE_IN) return;
  event.preventDefault();
  sessionStorage.setItem(RELOADED, String(Date.now()));
  location.reload();
});

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
