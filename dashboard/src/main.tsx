import { Credentials } from "@hsi/realtime";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { home } from "./home";
import { forgetOldKey, takeInvite } from "./signin/arrival";
import { SessionApi } from "./signin/sessionApi";
import { SignIn } from "./signin/signIn";
import "./styles.css";

const code = takeInvite();
forgetOldKey();

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

const credentials = new Credentials();
const signIn = new SignIn({
  api: new SessionApi(home()),
  credentials,
  leave: () => location.reload(),
  tabs: new BroadcastChannel("hsi.signed-in"),
});
signIn.start(code);
// An invite may be opened in a tab that is here already: then only the fragment changes.
addEventListener("hashchange", () => {
  const another = takeInvite();
  if (another !== null) void signIn.arrive(another);
});

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <App credentials={credentials} signIn={signIn} />
  </StrictMode>,
);
