import { type Credentials, RealtimeProvider } from "@hsi/realtime";
import { lazy, Suspense } from "react";
import { Redirect, Route, Switch } from "wouter";
import { Boundary } from "./components/Boundary";
import { Header } from "./components/Header";
import { StatusBar } from "./components/StatusBar";
import { KeyPrompt } from "./components/signin/KeyPrompt";
import { useSignIn } from "./components/signin/useSignIn";
import { DashboardPage } from "./pages/DashboardPage";
import type { SignIn } from "./signin/signIn";

const PerformancePage = lazy(() => import("./pages/PerformancePage"));
const JobsPage = lazy(() => import("./pages/JobsPage"));

interface AppProps {
  readonly credentials: Credentials;
  readonly signIn: SignIn;
}

export function App({ credentials, signIn }: AppProps) {
  const { phase } = useSignIn(signIn);
  // Who comes with an invite is let in first: without that, all connections would be refused.
  if (phase === "arriving") return <p className="p-6">Letting you in…</p>;
  return (
    <RealtimeProvider baseUrl={import.meta.env.BASE_URL} credentials={credentials}>
      <a
        href="#main"
        className="-top-12 absolute left-2 z-20 rounded bg-raised px-3 py-2 focus:top-2"
      >
        Skip to content
      </a>
      <Header signIn={signIn} />
      <StatusBar askToSignIn={signIn.ask} />
      <main id="main" tabIndex={-1} className="mx-auto w-full max-w-[110rem] p-3 sm:p-4 xl:p-6">
        <Boundary>
          <Suspense fallback={null}>
            <Switch>
              <Route path="/" component={DashboardPage} />
              <Route path="/performance" component={PerformancePage} />
              <Route path="/jobs/:id?" component={JobsPage} />
              <Route>
                <Redirect to="/" replace />
              </Route>
            </Switch>
          </Suspense>
        </Boundary>
      </main>
      <KeyPrompt signIn={signIn} />
    </RealtimeProvider>
  );
}
