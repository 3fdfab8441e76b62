import type { EventFilters, EventHistoryState } from "@hsi/realtime";
import { LoaderCircle } from "lucide-react";
import { dateAndClock } from "../../format";
import { texts } from "../../texts";
import { Empty, Failure } from "../parts";

const words = texts.events.list;

interface Props {
  readonly history: Omit<EventHistoryState, "events">;
  /** How many events are shown. */
  readonly count: number;
  readonly filters: EventFilters;
  readonly isFiltered: boolean;
  readonly again: () => void;
}

/** What the list ends with: what it is doing, what went wrong, or why there is nothing more. */
export function ListEnd({ history, count, filters, isFiltered, again }: Props) {
  const { isLoading, isWhole, lookedBackTo, knownSince, error } = history;
  if (error) {
    const why = error.status === 401 ? words.signedOut : error.message;
    return (
      <div className="flex flex-wrap items-center gap-3 p-4">
        <Failure what={words.failed} why={why} />
        <button
          type="button"
          onClick={again}
          aria-disabled={isLoading}
          className="rounded border border-line px-2 py-1 text-sm hover:bg-raised aria-disabled:text-muted"
        >
          {isLoading ? words.asking : words.again}
        </button>
      </div>
    );
  }
  if (isLoading || !isWhole) {
    return (
      <p
        role="status"
        className="flex items-center justify-center gap-2 p-6 text-center text-muted text-sm"
      >
        {isLoading && <LoaderCircle aria-hidden className="size-4 motion-safe:animate-spin" />}
        {isLoading && loadingWords(lookedBackTo)}
      </p>
    );
  }
  const end = (
    <p>
      {hasBeginning(filters)
        ? words.periodBegins
        : `${words.begins}. ${words.beginsWhy}${knownSince === null ? "" : ` ${words.wholeSince(dateAndClock(knownSince))}`}`}
    </p>
  );
  if (count > 0) {
    return <div className="border-line border-t p-6 text-center text-muted text-sm">{end}</div>;
  }
  return isFiltered ? (
    <Empty title={words.noMatch}>{words.noMatchWhy}</Empty>
  ) : (
    <Empty title={words.nothing}>{words.nothingWhy}</Empty>
  );
}

function loadingWords(lookedBackTo: number | null): string {
  return lookedBackTo === null ? words.loading : words.goesOnTo(dateAndClock(lookedBackTo));
}

function hasBeginning({ from, within }: EventFilters): boolean {
  return from !== null || within !== null;
}
