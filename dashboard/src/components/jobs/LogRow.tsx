import type { LogLevel, LogLine } from "@hsi/realtime";
import { type CSSProperties, type MouseEvent, memo, type ReactNode } from "react";
import { dateAndClock } from "../../format";
import { texts } from "../../texts";
import { type Segment, segmentsOf } from "./ansi";
import { whole } from "./count";
import { timeOfDay } from "./jobTimes";
import { hashOf } from "./lineSelection";
import { addressesIn } from "./links";
import { slice, withLinks, withMarks } from "./marks";
import { type Place, placesIn } from "./search";
import { shownLine } from "./shown";
import { foldOf, isLong } from "./wrapped";

/** Characters of a row before its message, at most, beside its number. */
export const BEFORE_MESSAGE = 28;

/** What every row is: also the one that is measured. */
export const ROW = "flex gap-[1ch] border-l-2 pr-3 pl-2";
export const TIME = "w-[8ch] shrink-0 select-none text-muted sm:w-[12ch]";
export const LEVEL = "w-[1ch] shrink-0 select-none sm:w-[8ch]";
/** Where a wrapped line breaks: at the last column, whatever stands there. */
export const WRAPPED = "min-w-0 flex-1 whitespace-break-spaces [line-break:anywhere]";

interface Look {
  /** The level's own colour. */
  readonly word: string;
  readonly row: string;
  readonly ground: string;
}

const LOOKS: Readonly<Record<LogLevel, Look>> = {
  DEBUG: { word: "text-muted", row: "border-transparent text-muted", ground: "" },
  INFO: { word: "text-data-ink", row: "border-transparent", ground: "" },
  WARNING: { word: "text-warn-ink", row: "border-warn", ground: "" },
  ERROR: { word: "text-bad-ink", row: "border-bad", ground: "bg-bad/10" },
  CRITICAL: {
    word: "bg-bad text-ground font-semibold",
    row: "border-bad",
    ground: "bg-bad/10",
  },
};

interface Props {
  readonly line: LogLine;
  /** Its number in the buffer. */
  readonly number: number;
  /** Whether the line that it goes on is right above it. */
  readonly goesOn: boolean;
  /** What to mark; null: nothing. */
  readonly pattern: RegExp | null;
  /** Of all its rows, in pixels. */
  readonly height: number;
  /** Characters of the widest number. */
  readonly digits: number;
  readonly isWrapped: boolean;
  /** Whether somebody has asked for all of a long line. */
  readonly isUnfolded: boolean;
  readonly isSelected: boolean;
  /** Whether it is the match that somebody went to. */
  readonly isCurrent: boolean;
  /** Select this line, or all from the one that was selected before. */
  readonly select: (number: number, all: boolean) => void;
  readonly unfold: (number: number) => void;
}

/** A line of a log. */
export const LogRow = memo(function LogRow(props: Props) {
  const { line, number, goesOn, pattern, height, digits, isWrapped, isUnfolded } = props;
  const look = LOOKS[line.level];
  const shown = shownLine(line);
  const places = pattern === null ? [] : placesIn(shown, pattern);
  const end = isLong(shown) && !isUnfolded ? foldOf(shown) : shown.length;
  const message = segmentsOf(line.text);
  const length = message.reduce((sum, { text }) => sum + text.length, 0);
  const ground = props.isSelected ? "bg-data/15" : props.isCurrent ? "bg-warn/15" : look.ground;
  return (
    <div
      data-number={number}
      data-selected={props.isSelected || undefined}
      data-current={props.isCurrent || undefined}
      className={`${ROW} ${look.row} ${ground} ${isWrapped ? "overflow-hidden" : "whitespace-pre"}`}
      style={{ height }}
    >
      <Gutter line={line} number={number} digits={digits} goesOn={goesOn} select={props.select} />
      {/* What goes on the line above has its time and level. */}
      <span className={TIME}>{!goesOn && <Time time={line.at} />}</span>
      <span className={LEVEL}>
        {!goesOn && (
          <span className={look.word}>
            <span aria-hidden className="sm:hidden">
              {line.level[0]}
            </span>
            <span className="max-sm:sr-only">{line.level}</span>
          </span>
        )}
      </span>
      <div data-content className={isWrapped ? WRAPPED : "shrink-0"}>
        <Text segments={slice(message, 0, end)} places={places} />
        {line.context !== "" && end > length && (
          <span className="text-muted">
            {" "}
            <Text
              segments={slice(segmentsOf(line.context), 0, end - length - 1)}
              places={places.map(([from, to]) => [from - length - 1, to - length - 1])}
            />
          </span>
        )}
        {end < shown.length && (
          <button
            type="button"
            onClick={() => props.unfold(number)}
            className={`select-none rounded bg-raised px-1 text-data-ink hover:underline ${isWrapped ? "block" : "ml-[1ch]"}`}
          >
            {texts.jobs.moreCharacters(whole(shown.length - end))}
          </button>
        )}
      </div>
    </div>
  );
});

type GutterProps = Pick<Props, "line" | "number" | "digits" | "goesOn" | "select">;

/** A line's number: selects it, and is a link to it. */
function Gutter({ line, number, digits, goesOn, select }: GutterProps) {
  const inLog = line.number;
  const look = {
    "data-gutter": true,
    // The log is one stop of the Tab key: in it, lines are selected with Shift and the arrows.
    tabIndex: -1,
    className: "shrink-0 select-none text-right text-muted hover:text-ink",
    style: { width: `${digits}ch` },
    // Else it would select text up to here, and take the focus, which goes when it is scrolled away.
    onMouseDown: (event: MouseEvent) => event.preventDefault(),
    onClick: (event: MouseEvent) => {
      if (event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      select(number, event.shiftKey || isTouch(event));
    },
  };
  if (inLog === null) return <button type="button" aria-label={texts.jobs.aLine} {...look} />;
  return (
    <a
      href={hashOf({ first: inLog, last: inLog })}
      aria-label={texts.jobs.line(whole(inLog))}
      {...look}
    >
      {!goesOn && inLog}
    </a>
  );
}

/** A finger has no Shift key: a second number that it touches ends the range. */
function isTouch({ nativeEvent }: MouseEvent): boolean {
  return nativeEvent instanceof PointerEvent && nativeEvent.pointerType === "touch";
}

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

interface TextProps {
  readonly segments: readonly Segment[];
  readonly places: readonly Place[];
}

/**
 * A text with its colours, marks and links; what it does to the direction of writing stays inside of
 * it, and so does what an address does to its own.
 */
function Text({ segments, places }: TextProps) {
  const addresses = addressesIn(segments.map(({ text }) => text).join(""));
  const runs: ReactNode[] = [];
  let from = 0;
  for (const { href, segments: pieces } of withLinks(withMarks(segments, places), addresses)) {
    runs.push(
      href === null ? (
        <Pieces key={from} pieces={pieces} />
      ) : (
        <a
          key={from}
          href={href}
          // As the browser reads it: a name of look-alike letters shows as what it is.
          title={href}
          target="_blank"
          rel="noopener noreferrer"
          className="text-data-ink underline"
        >
          <bdi dir="ltr">
            <Pieces pieces={pieces} />
          </bdi>
        </a>
      ),
    );
    for (const { text } of pieces) from += text.length;
  }
  return <bdi>{runs}</bdi>;
}

function Pieces({ pieces }: { pieces: readonly Segment[] }) {
  const drawn: ReactNode[] = [];
  let from = 0;
  for (const piece of pieces) {
    drawn.push(<Piece key={from} piece={piece} />);
    from += piece.text.length;
  }
  return drawn;
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
