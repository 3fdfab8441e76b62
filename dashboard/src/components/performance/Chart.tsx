import { RANGE_STEPS, type Sample, type TimeRange } from "@hsi/realtime";
import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from "react";
import type uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Span } from "../../chartSpan";
import { columnsOf, type Limits, limitLines } from "../../columns";
import { fixed } from "../../format";
import { texts } from "../../texts";
import { Card, Moment } from "../parts";
import type { ChartDefinition } from "./chartDefinitions";
import { attachGestures, pressed, type TimeControl } from "./gestures";
import { Legend } from "./Legend";
import { plotIn, seriesOf } from "./plot";

interface ChartProps extends ChartDefinition {
  readonly samples: readonly Sample[];
  /** Whose history the samples are. */
  readonly range: TimeRange;
  readonly span: Span;
  readonly control: TimeControl;
  readonly limits: Limits;
  /** The names of the lines that are not drawn. */
  readonly hidden: ReadonlySet<string>;
  readonly toggle: (line: string) => void;
  /** The id of the element that says which keys do what. */
  readonly help: string;
}

const plain = (value: number | null) => fixed(value, 1);

/** Figures over time. Cursors of all charts move together, and the legend tells their values. */
export function Chart(props: ChartProps) {
  const { title, lines, samples, range, span, control, limits, hidden, toggle, help } = props;
  const { top, least, tell = plain } = props;
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  const drawn = useRef<uPlot.AlignedData>(null);
  const [pointed, setPointed] = useState<number | null>(null);
  /** What was pointed at by a key, for who cannot see it. */
  const [said, setSaid] = useState("");
  const columns = useMemo(
    () => columnsOf(samples, lines, RANGE_STEPS[range]),
    [samples, lines, range],
  );
  const limitColumns = useMemo(
    () => columnsOf(samples, limitLines(lines, limits), RANGE_STEPS[range]).values,
    [samples, lines, limits, range],
  );
  const { times, values, lows, highs } = columns;
  const data = useMemo(
    (): uPlot.AlignedData => [times, ...values, ...limitColumns, ...lows, ...highs],
    [times, values, limitColumns, lows, highs],
  );
  // Read when the chart is drawn, so that it need not be made again.
  const seen = useRef(span);

  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const look = {
      lines,
      tell,
      ...(top !== undefined && { top }),
      ...(least !== undefined && { least }),
    };
    const made = plotIn(element, look, () => seen.current, setPointed);
    plot.current = made;
    drawn.current = null;
    const detach = attachGestures(made.over, control, (stretch) => {
      const { left = 0, width = 0 } = stretch ?? {};
      made.setSelect({ left, width, top: 0, height: made.over.clientHeight }, false);
    });
    const watcher = new ResizeObserver(() => {
      made.setSize({ width: element.clientWidth, height: element.clientHeight });
    });
    watcher.observe(element);
    return () => {
      detach();
      watcher.disconnect();
      made.destroy();
    };
  }, [lines, top, least, tell, control]);

  // A chart with other lines is another one; their data are others, too.
  useEffect(() => {
    seen.current = span;
    if (drawn.current === data) {
      plot.current?.setScale("x", { min: span.from / 1000, max: span.to / 1000 });
    } else {
      plot.current?.setData(data);
      drawn.current = data;
    }
  }, [data, span, control]);

  useEffect(() => {
    lines.forEach(({ name }, line) => {
      const show = !hidden.has(name);
      for (const series of seriesOf(line, lines.length)) plot.current?.setSeries(series, { show });
    });
  }, [hidden, lines, data]);

  const last = times.findLastIndex((time) => time * 1000 <= span.to);
  const index = pointed !== null && pointed < times.length ? pointed : last;
  const { legend } = texts.performance;
  const entries = lines.map(({ name, color, isLow }, line) => {
    const limitWords = isLow ? legend.least : legend.limit;
    const value = values[line]?.[index] ?? null;
    const high = highs[line]?.[index] ?? null;
    const limit = limitColumns[line]?.[index] ?? null;
    return {
      name,
      color,
      text: tell(value),
      peak: high === value ? "" : legend.peak(tell(high)),
      limit: limit === null ? "" : limitWords(tell(limit)),
    };
  });
  const spoken = entries
    .filter(({ name }) => !hidden.has(name))
    .map(({ name, text, peak, limit }) => [name, text, peak, limit].filter(Boolean).join(" "))
    .join(", ");
  const time = times[index];

  /** Have all charts point at a sample, as a mouse there would. */
  const pointAt = (wanted: number) => {
    const made = plot.current;
    const moment = times[wanted];
    if (!made || moment === undefined || moment * 1000 < span.from) return;
    const { left, top: above } = made.over.getBoundingClientRect();
    const clientX = left + made.valToPos(moment, "x");
    made.over.dispatchEvent(new MouseEvent("mousemove", { clientX, clientY: above + 1 }));
    const told = lines.map(({ name }, line) => `${name} ${tell(values[line]?.[wanted] ?? null)}`);
    setSaid(told.join(", "));
  };

  const press = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.shiftKey && event.key.startsWith("Arrow")) {
      if (event.key === "ArrowLeft") pointAt(index - 1);
      else if (event.key === "ArrowRight") pointAt(Math.min(index + 1, last));
      else return;
    } else if (!pressed(event.key, control)) {
      return;
    }
    event.preventDefault();
  };

  return (
    <Card
      title={title}
      aside={
        <span className="figure text-muted text-xs">
          {time === undefined ? texts.performance.noFigures : <Moment time={time * 1000} />}
        </span>
      }
    >
      <div
        ref={place}
        role="application"
        aria-roledescription={texts.performance.chart}
        aria-label={`${title}: ${spoken}`}
        aria-describedby={help}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: its keys move and zoom it
        tabIndex={0}
        onKeyDown={press}
        className="h-36 min-w-0"
      />
      <output className="sr-only">{said}</output>
      <Legend entries={entries} hidden={hidden} toggle={toggle} />
    </Card>
  );
}
