import { useActiveAlerts, usePerformanceMetrics } from "@hsi/realtime";
import { useMemo } from "react";
import { limitsNow } from "../columns";
import { Boundary } from "../components/Boundary";
import { Failure } from "../components/parts";
import { Alerts } from "../components/performance/Alerts";
import { Chart } from "../components/performance/Chart";
import { CHARTS } from "../components/performance/chartDefinitions";
import { Details } from "../components/performance/Details";
import { RangePicker } from "../components/performance/RangePicker";

/** How hard everything works, now and over the last minutes. */
export default function PerformancePage() {
  const { current, history, polled, timeRange, setTimeRange, error } = usePerformanceMetrics();
  const { active, limits } = useActiveAlerts();
  const now = useMemo(() => limitsNow(limits, active ?? []), [limits, active]);
  return (
    <div className="flex flex-col gap-3 sm:gap-4">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <h1 className="font-semibold text-xl">Performance</h1>
        <RangePicker range={timeRange} choose={setTimeRange} />
      </div>
      {polled && (
        <Failure what="Figures cannot come through Redis" why="they are asked for every 5 s" />
      )}
      {error && <Failure what="The history cannot be loaded" why={error.message} />}
      <Alerts />
      <div className="grid gap-3 sm:gap-4 md:grid-cols-2 xl:grid-cols-3 2xl:grid-cols-4">
        {CHARTS.map((chart) => (
          <Boundary key={chart.title}>
            <Chart {...chart} samples={history} range={timeRange} limits={now} />
          </Boundary>
        ))}
      </div>
      <Boundary>
        <Details figures={current} />
      </Boundary>
    </div>
  );
}
