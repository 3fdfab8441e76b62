import { useEffect, useMemo, useRef, useState } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { RANGE_LENGTHS, type Sample, type TimeRange } from "@hsi/realtime";
import { columnsOf, type Limits, limitLines } from "../../columns";
import { clock, fixed } from "../../format";
import { canvasColor, cssColor } from "../../theme";
import { Card } from "../parts";
import type { ChartDefinition } from "./chartDefinitions";

/** Samples that the history has of each range. */
const POINTS = 60;

interface ChartProps extends ChartDefinition {
  readonly samples: readonly Sample[];
  readonly range: TimeRange;
  readonly limits: Limits;
}

const plain = (value: number | null) => fixed(value, 1);

/** Figures over time. Cursors of all charts move together, and the legend tells their values. */
export function Chart(props: ChartProps) {
  const { title, lines, samples, range, limits, top, least = 1, tell = plain } = props;
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  const [pointed, setPointed] = useState<number | null>(null);
  const data = useMemo(
    () =>
      columnsOf(samples, [...lines, ...limitLines(lines, limits)], RANGE_LENGTHS[range] / POINTS),
    [samples, lines, limits, range],
  );
  const [times] = data;
  const index = pointed !== null && pointed < times.length ? pointed : times.length - 1;
  // Read when the chart is drawn, so that it need not be made again.
  const span = useRef<[number, number]>([0, 1]);

  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const ink = canvasColor("muted");
    const grid = canvasColor("line");
    const made = new uPlot(
      {
        width: element.clientWidth,
        height: element.clientHeight,
        legend: { show: false },
        cursor: { sync: { key: "performance" }, drag: { x: false, y: false } },
        scales: {
          x: { time: true, range: () => span.current },
          y: { range: (_, __, most) => [0, top ?? Math.max(most * 1.1, least)] },
        },
        axes: [
          {
            stroke: ink,
            grid: { show: false },
            ticks: { stroke: grid },
            font: font(),
            size: em(2.8),
            space: em(3.2),
            values: (_, ticks) => ticks.map(minute),
          },
          {
            stroke: ink,
            grid: { stroke: grid },
            ticks: { show: false },
            font: font(),
            size: em(5),
            values: (_, ticks) => ticks.map((tick) => tell(tick).replace(/\.0\b/, "")),
          },
        ],
        series: [
          {},
          ...lines.map(({ name, color }) => ({
            label: name,
            stroke: canvasColor(color),
            width: 1.75,
            points: { show: false },
          })),
          ...lines.map(({ name, color }) => ({
            label: `${name} limit`,
            stroke: canvasColor(color),
            width: 1,
            dash: [4, 4],
            points: { show: false },
          })),
        ],
        hooks: { setCursor: [({ cursor }) => setPointed(cursor.idx ?? null)] },
      },
      undefined,
      element,
    );
    plot.current = made;
    const watcher = new ResizeObserver(() => {
      made.setSize({ width: element.clientWidth, height: element.clientHeight });
    });
    watcher.observe(element);
    return () => {
      watcher.disconnect();
      made.destroy();
    };
  }, [lines, top, least, tell]);

  // A chart with other lines is another one; their data are others, too.
  useEffect(() => {
    const until = data[0].at(-1);
    if (until !== undefined) span.current = [until - RANGE_LENGTHS[range] / 1000, until];
    plot.current?.setData(data);
  }, [data, range]);

  const values = lines.map(({ name, color }, line) => {
    const value = data[line + 1]?.[index] ?? null;
    const limit = data[lines.length + line + 1]?.[index] ?? null;
    return { name, color, text: tell(value), limit: limit === null ? "" : `limit ${tell(limit)}` };
  });
  const spoken = values
    .map(({ name, text, limit }) => `${name} ${text} ${limit}`.trim())
    .join(", ");
  const time = times[index];
  return (
    <Card
      title={title}
      aside={
        <span className="figure text-muted text-xs">
          {time === undefined ? "no figures yet" : clock(time * 1000)}
        </span>
      }
    >
      <div ref={place} role="img" aria-label={`${title}: ${spoken}`} className="h-36 min-w-0" />
      <ul className="mt-2 flex flex-wrap gap-x-4 gap-y-1 text-xs">
        {values.map(({ name, color, text, limit }) => (
          <li key={name} className="flex items-center gap-1.5">
            <span aria-hidden className="h-0.5 w-3" style={{ backgroundColor: cssColor(color) }} />
            <span className="text-muted">{name}</span>
            <span className="figure min-w-[5ch]">{text}</span>
            {limit && <span className="figure text-muted">{limit}</span>}
          </li>
        ))}
      </ul>
    </Card>
  );
}

function em(count: number): number {
  return count * 0.75 * Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
}

const MINUTE = new Intl.DateTimeFormat("en-GB", { timeStyle: "short" });

function minute(seconds: number): string {
  return MINUTE.format(seconds * 1000);
}

function font(): string {
  return `${em(1)}px "Inter Variable", sans-serif`;
}
