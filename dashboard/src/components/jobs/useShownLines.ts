import { LOG_LEVELS, type LogBuffer, type LogLevel } from "@hsi/realtime";
import { useMemo, useState } from "react";
import type { SearchState } from "./lineSearch";
import { type Around, withAround } from "./matchView";

const NONE: readonly number[] = [];

interface Asked {
  readonly lines: LogBuffer;
  /** The numbers of the lines that the level lets through; may be one array that grows. */
  readonly passing: readonly number[];
  readonly level: LogLevel;
  /** Null while nothing is searched. */
  readonly pattern: RegExp | null;
  readonly search: SearchState;
  readonly around: Around;
}

/** The numbers of the lines to show, and of the matches among them. */
export function useShownLines({ lines, passing, level, pattern, search, around }: Asked) {
  const { matching, phase } = search;
  const rank = LOG_LEVELS.indexOf(level);
  // The arrays grow: that they are others now is told by their lengths.
  const [found, all] = [matching.length, passing.length];
  const matches = useMemo(() => {
    if (pattern === null || found === 0) return NONE;
    if (rank === 0) return matching;
    return matching.filter(
      (number) => LOG_LEVELS.indexOf(lines.at(number)?.level ?? "DEBUG") >= rank,
    );
  }, [lines, pattern, matching, found, rank]);
  const isWhole = pattern === null || around === null;
  const many = matches.length;
  const wanted = useMemo(
    () => (isWhole || (all === 0 && many === 0) ? passing : withAround(passing, matches, around)),
    [isWhole, passing, all, matches, many, around],
  );
  // While a search begins, what was shown before stays: it takes some frames.
  const isUnderWay = pattern !== null && phase === "searching";
  const [shown, setShown] = useState(wanted);
  if (!isUnderWay && shown !== wanted) setShown(wanted);
  return { numbers: isUnderWay ? shown : wanted, matches };
}
