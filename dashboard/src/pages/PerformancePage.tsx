import { useActiveAlerts, useLatestPerformance } from "@hsi/realtime";
import { useEffect, useId, useMemo, useState } from "react";
import { limitsNow } from "../columns";
import { Boundary } from "../components/Boundary";
import { Failure, Moment } from "../components/parts";
import { Alerts } from "../components/performance/Alerts";
import { Chart } from "../components/performance/Chart";
import { chartsOf } from "../components/performance/chartDefinitions";
import { Details } from "../components/performance/Details";
import { GpuPicker } from "../components/performance/GpuPicker";
import { PastAlerts } from "../components/performance/PastAlerts";
import { RangePicker } from "../components/performance/RangePicker";
import { TimeTools } from "../components/performance/TimeTools";
import { useChartView, useFigures } from "../components/performance/useChartView";
import { csvOf } from "../csv";
import { download } from "../download";
import { texts } from "../texts";
import { useScheme } from "../theme";

const words = texts.performance;
const NONE: ReadonlySet<string> = new Set();

/** How hard everything works, now and over up to a week. */
export default function PerformancePage() {
  const { current, polled } = useLatestPerformance();
  const [view, setView] = useChartView();
  const { samples, range, span, control, error } = useFigures(view, setView);
  const { active, limits } = useActiveAlerts();
  const now = useMemo(() => limitsNow(limits, active ?? []), [limits, active]);
  const charts = useMemo(() => chartsOf(view.gpu), [view.gpu]);
  /** The names of the lines that are not drawn, by the ids of their charts. */
  const [hidden, setHidden] = useState<ReadonlyMap<string, ReadonlySet<string>>>(new Map());
  const scheme = useScheme();
  const help = useId();

  // Charts come later than the page: where its address points, there is nothing until then.
  useEffect(() => {
    const id = window.location.hash.slice(1);
    if (id) document.getElementById(id)?.scrollIntoView({ block: "center" });
  }, []);

  const toggle = (chart: string, line: string) => {
    const lines = new Set(hidden.get(chart));
    if (!lines.delete(line)) lines.add(line);
    setHidden(new Map(hidden).set(chart, lines));
  };

  const save = () => {
    const lines = charts.flatMap(({ id, title, unit, lines }) =>
      lines
        .filter(({ name }) => !hidden.get(id)?.has(name))
        .map(({ name, of }) => ({ heading: words.csv.column(title, name, unit), of })),
    );
    const text = csvOf(lines, samples, span, words.csv);
    const moment = new Date(span.to).toISOString().slice(0, 16).replace(":", "");
    download(`performance-${view.range}-${moment}Z.csv`, text, "text/csv");
  };

  return (
    <div className="flex flex-col gap-3 sm:gap-4">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <h1 className="font-semibold text-xl">{words.title}</h1>
        <div className="flex min-w-0 flex-wrap items-center gap-2 sm:gap-3">
          {view.span && (
            <p className="figure text-muted text-sm">
              <Moment time={span.from} /> – <Moment time={span.to} />
            </p>
          )}
          <RangePicker
            range={view.range}
            choose={(chosen) => setView({ ...view, range: chosen, span: null })}
          />
          <TimeTools control={control} isLive={view.span === null} save={save} />
          <GpuPicker
            gpus={current?.gpus ?? samples.at(-1)?.data.gpus}
            gpu={view.gpu}
            choose={(gpu) => setView({ ...view, gpu })}
          />
        </div>
      </div>
      {polled && <Failure what={words.polled} why={words.polledWhy} />}
      {error && <Failure what={words.noHistory} why={error.message} />}
      <Alerts>
        <PastAlerts />
      </Alerts>
      <p id={help} className="sr-only">
        {words.keys}
      </p>
      <div className="grid gap-3 sm:gap-4 md:grid-cols-2 xl:grid-cols-3 2xl:grid-cols-4">
        {charts.map((chart) => (
          <div key={`${chart.id} ${scheme}`} id={chart.id} className="grid min-w-0 scroll-mt-16">
            <Boundary>
              <Chart
                {...chart}
                samples={samples}
                range={range}
                span={span}
                control={control}
                limits={now}
                hidden={hidden.get(chart.id) ?? NONE}
                toggle={(line) => toggle(chart.id, line)}
                help={help}
              />
            </Boundary>
          </div>
        ))}
      </div>
      <p className="text-muted text-xs">{words.hint}</p>
      <Boundary>
        <Details figures={current} />
      </Boundary>
    </div>
  );
}
