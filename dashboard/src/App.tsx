import { lazy, Suspense } from "react";
import { SWRConfig } from "swr";
import { Redirect, Route, Switch } from "wouter";
import { Boundary } from "./components/Boundary";
import { Header } from "./components/Header";
import { KeyPrompt } from "./components/KeyPrompt";
import { StatusBar } from "./components/StatusBar";
import { DashboardPage } from "./pages/DashboardPage";
import { ApiError } from "./realtime";

const PerformancePage = lazy(() => import("./pages/PerformancePage"));
const JobsPage = lazy(() => import("./pages/JobsPage"));

/** Milliseconds between two attempts to get what could not be had. */
const RETRY_INTERVAL = 5_000;

const FETCHING = {
  errorRetryInterval: RETRY_INTERVAL,
  // Asking again without a key, or with a wrong one, only asks the person again.
  shouldRetryOnError: (error: unknown) => !(error instanceof ApiError && error.status === 401),
};

export function App() {
  return (
    <SWRConfig value={FETCHING}>
      <a
        href="#main"
        className="-top-12 absolute left-2 z-20 rounded bg-raised px-3 py-2 focus:top-2"
      >
        Skip to content
      </a>
      <Header />
      <StatusBar />
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
      <KeyPrompt />
    </SWRConfig>
  );
}
