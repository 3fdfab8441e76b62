import { type Sample, type TimeRange, usePerformanceHistory } from "@hsi/realtime";
import { useEffect, useMemo, useRef, useState } from "react";
import { useLocation, useSearch } from "wouter";
import { boundsAt, fitted, rangeFor, type Span, spanOf } from "../../chartSpan";
import { type ChartView, searchOf, viewIn } from "../../chartView";
import type { TimeControl } from "./gestures";

/** Milliseconds after which a view that no longer changes stands in the address. */
const SETTLED = 300;

/** What the charts show, kept in the page's address. */
export function useChartView() {
  const search = useSearch();
  const [path, navigate] = useLocation();
  const [state, setState] = useState({ search, view: viewIn(search) });
  const { view } = state;
  if (search !== state.search) {
    // A link or going back shows something else, unless it is what this page has written itself.
    setState({ search, view: searchOf(view) === search ? view : viewIn(search) });
  }
  const setView = useMemo(
    () => (changed: ChartView) => setState((before) => ({ ...before, view: changed })),
    [],
  );
  useEffect(() => {
    const wanted = searchOf(view);
    if (wanted === searchOf(viewIn(search))) return;
    const { href } = window.location;
    const settled = setTimeout(() => {
      // Gone elsewhere meanwhile: while the next page loads, this one is hidden, and not gone.
      if (window.location.href !== href) return;
      navigate(`${path}${wanted && `?${wanted}`}${window.location.hash}`, { replace: true });
    }, SETTLED);
    return () => clearTimeout(settled);
  }, [view, search, path, navigate]);
  return [view, setView] as const;
}

interface Seen {
  readonly view: ChartView;
  readonly span: Span;
  readonly newest: number;
}

/** The figures of what the charts show, as detailed as there are any, and what moves it. */
export function useFigures(view: ChartView, setView: (view: ChartView) => void) {
  const [opened] = useState(() => Date.now());
  const whole = usePerformanceHistory(view.range);
  const newest = whole.history.at(-1)?.at ?? opened;
  const range: TimeRange = view.span ? rangeFor(view.span, newest) : view.range;
  const detailed = usePerformanceHistory(range);
  const span = useMemo(
    () => view.span ?? spanOf(view.range, newest),
    [view.span, view.range, newest],
  );
  // Gestures come faster than React draws: each goes on from the one before.
  const seen = useRef<Seen>({ view, span, newest });
  useEffect(() => {
    seen.current = { view, span, newest };
  }, [view, span, newest]);
  const control: TimeControl = useMemo(
    () => ({
      span: () => seen.current.span,
      bounds: () => boundsAt(seen.current.newest),
      change: (wanted) => {
        const before = seen.current;
        const next = fitted(wanted, boundsAt(before.newest));
        if (next.from === before.span.from && next.to === before.span.to) return;
        seen.current = { ...before, view: { ...before.view, span: next }, span: next };
        setView(seen.current.view);
      },
      reset: () => setView({ ...seen.current.view, span: null }),
    }),
    [setView],
  );
  // Until more detail is here, what is here is drawn.
  const isDetailed = detailed.isLoaded || range === view.range;
  const samples: readonly Sample[] = isDetailed ? detailed.history : whole.history;
  const drawn: TimeRange = isDetailed ? range : view.range;
  return { samples, range: drawn, span, newest, control, error: whole.error ?? detailed.error };
}
