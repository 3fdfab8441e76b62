import { Credentials } from "@hsi/realtime";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Router } from "wouter";
import { App } from "./App";
import { home } from "./home";
import { reloadOnce } from "./reload";
import { forgetOldKey, takeInvite } from "./signin/arrival";
import { SessionApi } from "./signin/sessionApi";
import { SignIn } from "./signin/signIn";
import { tabsBy } from "./tabs";
import { Notifier } from "./told/notifier";
import "./styles.css";

const code = takeInvite();
forgetOldKey();

// After an update the parts of an older page are gone: a newer page has its own.
addEventListener("vite:preloadError", (event) => {
  if (reloadOnce()) event.preventDefault();
});

const credentials = new Credentials();
const signIn = new SignIn({
  api: new SessionApi(home()),
  credentials,
  leave: () => location.reload(),
  tabs: tabsBy("hsi.signed-in"),
});
signIn.start(code);
// An invite may be opened in a tab that is here already: then only the fragment changes.
addEventListener("hashchange", () => {
  const another = takeInvite();
  if (another !== null) void signIn.arrive(another);
});

const notifier = new Notifier();
// Where a change shows at once (`vite`), a worker would keep what has changed.
notifier.start({ hasWorker: import.meta.env.PROD });

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    {/* Below the path that the page was built for, without a slash at its end. */}
    <Router base={import.meta.env.BASE_URL.replace(/\/$/, "")}>
      <App credentials={credentials} signIn={signIn} notifier={notifier} />
    </Router>
  </StrictMode>,
);
