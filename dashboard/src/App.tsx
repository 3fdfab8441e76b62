import { type Credentials, RealtimeProvider } from "@hsi/realtime";
import { lazy, Suspense } from "react";
import { Redirect, Route, Switch } from "wouter";
import { Announcements } from "./components/Announcements";
import { Announcer } from "./components/Announcer";
import { Boundary } from "./components/Boundary";
import { useOpenEvent, usePlace } from "./components/events/usePlace";
import { Header } from "./components/Header";
import { StatusBar } from "./components/StatusBar";
import { useSignIn } from "./components/signin/useSignIn";
import { Told } from "./components/told/Told";
import { DashboardPage } from "./pages/DashboardPage";
import type { SignIn } from "./signin/signIn";
import { texts } from "./texts";
import type { Notifier } from "./told/notifier";

const PerformancePage = lazy(() => import("./pages/PerformancePage"));
const EventsPage = lazy(() => import("./pages/EventsPage"));
const EventPanel = lazy(() => import("./components/events/EventPanel"));
const JobsPage = lazy(() => import("./pages/JobsPage"));
const KeyPrompt = lazy(() => import("./components/signin/KeyPrompt"));

interface AppProps {
  readonly credentials: Credentials;
  readonly signIn: SignIn;
  readonly notifier: Notifier;
}

export function App({ credentials, signIn, notifier }: AppProps) {
  const { phase } = useSignIn(signIn);
  const place = usePlace();
  const openEvent = useOpenEvent();
  // Who comes with an invite is let in first: without that, all connections would be refused.
  if (phase === "arriving") return <p className="p-6">{texts.page.lettingIn}</p>;
  return (
    <RealtimeProvider baseUrl={import.meta.env.BASE_URL} credentials={credentials}>
      <a
        href="#main"
        className="-top-12 absolute left-2 z-20 rounded bg-raised px-3 py-2 focus:top-2"
      >
        {texts.page.skip}
      </a>
      <Announcer />
      <Announcements />
      <Header signIn={signIn} notifier={notifier} />
      <StatusBar askToSignIn={signIn.ask} />
      <main id="main" tabIndex={-1} className="w-full p-3 sm:p-4 xl:p-6">
        <Boundary>
          <Suspense fallback={null}>
            <Switch location={place}>
              <Route path="/" component={DashboardPage} />
              <Route path="/events" component={EventsPage} />
              <Route path="/performance" component={PerformancePage} />
              <Route path="/jobs/:id?" component={JobsPage} />
              <Route>
                <Redirect to="/" replace />
              </Route>
            </Switch>
          </Suspense>
        </Boundary>
      </main>
      <Told notifier={notifier} />
      {openEvent !== null && (
        <Boundary>
          <Suspense fallback={null}>
            <EventPanel cursor={openEvent} isSignedOut={phase === "out"} />
          </Suspense>
        </Boundary>
      )}
      {phase === "out" && (
        <Boundary>
          <Suspense fallback={null}>
            <KeyPrompt signIn={signIn} />
          </Suspense>
        </Boundary>
      )}
    </RealtimeProvider>
  );
}
