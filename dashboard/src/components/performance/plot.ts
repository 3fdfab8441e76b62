import uPlot from "uplot";
import type { Span } from "../../chartSpan";
import { singles } from "../../columns";
import { canvasColor, cssColor } from "../../theme";
import { timeMarks } from "../../timeMarks";
import type { ChartDefinition } from "./chartDefinitions";

/** The least that the top of a chart without a limit of its own is above zero. */
const LEAST = 1;
/** Of a line's colour, in the area between its lowest and its highest values. */
const BAND_OPACITY = 0.22;
/** The same of the line along the highest. */
const EDGE_OPACITY = 0.7;

type Look = Pick<ChartDefinition, "lines" | "top" | "least"> & {
  readonly tell: (value: number | null) => string;
};

/** The series of a line: its values, its limit, and the lowest and highest of its values. */
export function seriesOf(line: number, lines: number): readonly number[] {
  return [0, 1, 2, 3].map((part) => 1 + part * lines + line);
}

/**
 * A plot in an element, as large as that.
 *
 * @param span What is seen, asked each time that it is drawn; `undefined` before anything is.
 */
export function plotIn(
  element: HTMLElement,
  { lines, top, least = LEAST, tell }: Look,
  span: () => Span,
  point: (index: number | null) => void,
): uPlot {
  const ink = canvasColor("muted");
  const grid = canvasColor("line");
  const count = lines.length;
  const colors = lines.map(({ color }) => canvasColor(color));
  const made = new uPlot(
    {
      width: element.clientWidth,
      height: element.clientHeight,
      legend: { show: false },
      cursor: {
        sync: { key: "performance", setSeries: false, scales: ["x", null] },
        drag: { x: false, y: false },
        y: false,
      },
      scales: {
        x: {
          time: true,
          range: () => {
            const { from, to } = span();
            return [from / 1000, to / 1000];
          },
        },
        y: { range: (_, __, most) => [0, top ?? Math.max((most ?? 0) * 1.1, least)] },
      },
      axes: [
        {
          stroke: ink,
          grid: { show: false },
          ticks: { stroke: grid },
          font: font(),
          size: em(2.8),
          // "12:00 AM" needs more room than "00:00".
          space: em(5),
          values: (_, ticks) => timeMarks(ticks.map((tick) => tick * 1000)),
        },
        {
          stroke: ink,
          grid: { stroke: grid },
          ticks: { show: false },
          font: font(),
          size: em(5),
          // Where nothing was measured, a scale of its own would say something all the same.
          values: ({ data }, ticks) =>
            top !== undefined || hasValues(data, count)
              ? ticks.map((tick) => tell(tick).replace(/[.,٫][0٠](?!\p{Nd})/u, ""))
              : ticks.map(() => ""),
        },
      ],
      series: [
        {},
        ...lines.map(({ name }, line) => ({
          label: name,
          stroke: colors[line] ?? ink,
          width: 1.75,
          points: {
            show: true,
            size: 4,
            fill: colors[line] ?? ink,
            filter: ({ data }: uPlot, series: number) => singles([...(data[series] ?? [])]),
          },
        })),
        ...lines.map(({ name }, line) => ({
          label: `${name} limit`,
          stroke: colors[line] ?? ink,
          width: 1,
          dash: [4, 4],
          points: { show: false },
        })),
        ...lines.map(({ name }) => ({
          label: `${name} lowest`,
          points: { show: false },
          width: 0,
        })),
        // A moment's peak is too narrow to be seen as an area.
        ...lines.map(({ name }, line) => ({
          label: `${name} highest`,
          stroke: faded(colors[line] ?? ink, EDGE_OPACITY),
          width: 1,
          points: { show: false },
        })),
      ],
      bands: lines.map((_, line): uPlot.Band => {
        const [, , low = 0, high = 0] = seriesOf(line, count);
        return { series: [high, low], fill: faded(colors[line] ?? ink, BAND_OPACITY) };
      }),
      hooks: { setCursor: [({ cursor }) => point(cursor.idx ?? null)] },
    },
    undefined,
    element,
  );
  const selection = made.root.querySelector<HTMLElement>(".u-select");
  if (selection) {
    selection.style.backgroundColor = cssColor("data");
    selection.style.opacity = "0.25";
  }
  // Fingers up and down scroll the page; across, they move the chart.
  made.over.style.touchAction = "pan-y";
  return made;
}

/** Whether any of the lines has a value; the first column is of their times. */
export function hasValues(data: uPlot.AlignedData, lines: number): boolean {
  return data.slice(1, 1 + lines).some((column) => [...(column ?? [])].some((one) => one != null));
}

function faded(color: string, opacity: number): string {
  return `color-mix(in srgb, ${color} ${opacity * 100}%, transparent)`;
}

function em(count: number): number {
  return count * 0.75 * Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
}

function font(): string {
  return `${em(1)}px "Inter Variable", sans-serif`;
}
