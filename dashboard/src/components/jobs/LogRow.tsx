import type { LogLevel, LogLine } from "@hsi/realtime";
import { type CSSProperties, memo, type ReactNode } from "react";
import { dateAndClock } from "../../format";
import { type Segment, segmentsOf } from "./ansi";
import { timeOfDay } from "./jobTimes";
import { withMarks } from "./marks";

/** Characters of a row before its message, at most: the time, the level and what is between. */
export const BEFORE_MESSAGE = 26;

interface Look {
  /** The level's own colour. */
  readonly word: string;
  readonly row: string;
}

const LOOKS: Readonly<Record<LogLevel, Look>> = {
  DEBUG: { word: "text-muted", row: "border-transparent text-muted" },
  INFO: { word: "text-data-ink", row: "border-transparent" },
  WARNING: { word: "text-warn-ink", row: "border-warn" },
  ERROR: { word: "text-bad-ink", row: "border-bad bg-bad/10" },
  CRITICAL: { word: "bg-bad text-ground font-semibold", row: "border-bad bg-bad/10" },
};

interface Props {
  readonly line: LogLine;
  /** Whether the line that it goes on is right above it. */
  readonly goesOn: boolean;
  /** What to mark, in lower case. */
  readonly query: string;
  readonly height: number;
}

/** A line of a log. */
export const LogRow = memo(function LogRow({ line, goesOn, query, height }: Props) {
  const look = LOOKS[line.level];
  return (
    <div
      className={`flex items-center gap-[1ch] whitespace-pre border-l-2 pr-3 pl-2 ${look.row}`}
      style={{ height }}
    >
      {/* What goes on the line above has its time and level. */}
      <span className="w-[8ch] shrink-0 text-muted sm:w-[12ch]">
        {!goesOn && <Time time={line.at} />}
      </span>
      <span className="w-[1ch] shrink-0 sm:w-[8ch]">
        {!goesOn && (
          <span className={look.word}>
            <span aria-hidden className="sm:hidden">
              {line.level[0]}
            </span>
            <span className="max-sm:sr-only">{line.level}</span>
          </span>
        )}
      </span>
      <Text text={line.text} query={query} />
      {line.context && (
        <span className="text-muted">
          <Text text={line.context} query={query} />
        </span>
      )}
    </div>
  );
});

function Time({ time }: { time: number | null }) {
  if (time === null) return "–";
  const { clock, rest } = timeOfDay(time);
  return (
    <time dateTime={new Date(time).toISOString()} title={dateAndClock(time)}>
      {clock}
      <span className="max-sm:hidden">{rest}</span>
    </time>
  );
}

/** A text with its colours; what it does to the direction of writing stays inside of it. */
function Text({ text, query }: { text: string; query: string }) {
  const pieces: ReactNode[] = [];
  let from = 0;
  for (const piece of withMarks(segmentsOf(text), query)) {
    pieces.push(<Piece key={from} piece={piece} />);
    from += piece.text.length;
  }
  return <bdi>{pieces}</bdi>;
}

function Piece({ piece }: { piece: Segment }) {
  const { text, color, background, bold, italic, underline, strike, marked } = piece;
  if (marked) return <mark className="rounded-xs bg-warn text-ground">{text}</mark>;
  const style: CSSProperties = {
    ...(color && { color }),
    ...(background && { backgroundColor: background }),
    ...(bold && { fontWeight: 700 }),
    ...(italic && { fontStyle: "italic" }),
    ...((underline || strike) && {
      textDecorationLine: `${underline ? "underline " : ""}${strike ? "line-through" : ""}`.trim(),
    }),
  };
  return Object.keys(style).length === 0 ? text : <span style={style}>{text}</span>;
}
