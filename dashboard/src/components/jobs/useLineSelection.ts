import type { LogBuffer } from "@hsi/realtime";
import { useCallback, useState } from "react";
import { endsOf, extended, hashOf, type LineSelection, selectedOf } from "./lineSelection";

/** The selected lines of a log; the page's address names them, so that it can be passed on. */
export function useLineSelection(lines: LogBuffer, numbers: readonly number[]) {
  const [selection, setSelection] = useState<LineSelection | null>(null);

  const choose = useCallback(
    (chosen: LineSelection | null) => {
      setSelection(chosen);
      // Else a copy would be of the text that is selected elsewhere.
      if (chosen !== null) getSelection()?.removeAllRanges();
      const hash = chosen === null ? "" : linkOf(lines, chosen);
      history.replaceState(history.state, "", `${location.pathname}${location.search}${hash}`);
    },
    [lines],
  );

  const select = useCallback(
    (number: number, all: boolean) => {
      choose({ anchor: all && selection ? selection.anchor : number, focus: number });
    },
    [choose, selection],
  );

  const selectAll = useCallback(() => {
    const [first, last] = [numbers[0], numbers.at(-1)];
    if (first !== undefined && last !== undefined) choose({ anchor: first, focus: last });
  }, [choose, numbers]);

  /**
   * Select one line more, or less: up (negative) or down; returns where that is.
   *
   * @param from Where to begin if nothing is selected.
   */
  const extend = useCallback(
    (by: number, from: number): number => {
      const next = selection ? extended(numbers, selection, by) : { anchor: from, focus: from };
      choose(next);
      return next.focus;
    },
    [choose, numbers, selection],
  );

  return { selection, choose, select, selectAll, extend };
}

/** The part of an address that names these lines; empty where they have no numbers. */
export function linkOf(lines: LogBuffer, selection: LineSelection): string {
  const [first, last] = endsOf(selection).map((number) => lines.at(number)?.number ?? null);
  return first == null || last == null ? "" : hashOf({ first, last });
}

/** The selected lines that are shown. */
export function selectedLines(
  lines: LogBuffer,
  numbers: readonly number[],
  selection: LineSelection,
) {
  return selectedOf(numbers, selection).flatMap((number) => lines.at(number) ?? []);
}
