import { Credentials, RealtimeProvider } from "@hsi/realtime";
import { lazy, Suspense } from "react";
import { Redirect, Route, Switch } from "wouter";
import { Boundary } from "./components/Boundary";
import { Header } from "./components/Header";
import { KeyPrompt } from "./components/KeyPrompt";
import { StatusBar } from "./components/StatusBar";
import { DashboardPage } from "./pages/DashboardPage";

const PerformancePage = lazy(() => import("./pages/PerformancePage"));
const JobsPage = lazy(() => import("./pages/JobsPage"));

const credentials = new Credentials({ storage: sessionStorage });

export function App() {
  return (
    <RealtimeProvider credentials={credentials}>
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
    </RealtimeProvider>
  );
}
