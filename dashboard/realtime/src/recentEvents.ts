/** What `GET /api/events` has: the last events of the history, and whether they are all of them. */

import type { RealtimeClient } from "./client.ts";
import { wholeOf } from "./conform.ts";
import { type SecurityEvent, timeOf } from "./lenient.ts";
import type { RecentEvents as Page } from "./messages.ts";
import { eventIn } from "./recentEvent.ts";
import { seenHints } from "./seenHints.ts";

/** Minutes for which an event says something about now. */
const MINUTES = 15;
/** Minutes for which a critical event counts that has not ended. */
const MINUTES_UNENDED = 24 * 60;
/** The score from which on an event is critical. */
const CRITICAL = 85;
const PAGE = 500;
/** Pages that are read at most: with 500 events each, all that a history has by default. */
const MAX_PAGES = 20;

export interface RecentEvents {
  readonly events: readonly SecurityEvent[];
  /** Whether these are all of the last minutes. */
  readonly complete: boolean;
  /** From when on all are known, ms since 1970. */
  readonly knownSince: number | null;
}

/**
 * Get all events of the last 15 minutes, and the critical ones of a day: one of them may go on.
 *
 * @throws ApiError where they cannot be had.
 */
export async function recentEvents(client: RealtimeClient): Promise<RecentEvents> {
  const [pages, grave] = await Promise.all([
    pagesOf(client),
    get(client, { minutes: MINUTES_UNENDED, min_risk: CRITICAL }),
  ]);
  return {
    events: [...pages, grave].flatMap(({ events }) => events.flatMap((one) => eventIn(one) ?? [])),
    complete: pages.at(-1)?.next === null && pages.every(({ complete }) => complete),
    knownSince: timeOf(pages[0]?.known_since),
  };
}

/** The last minutes, newest first, page by page. */
async function pagesOf(client: RealtimeClient): Promise<Page[]> {
  const pages = [await get(client, { minutes: MINUTES })];
  for (let next = pages[0]?.next; next && pages.length < MAX_PAGES; next = pages.at(-1)?.next) {
    pages.push(await get(client, { minutes: MINUTES, before: next }));
  }
  return pages;
}

function get(
  client: RealtimeClient,
  query: Readonly<Record<string, string | number>>,
): Promise<Page> {
  const parameters = new URLSearchParams({ limit: String(PAGE) });
  for (const [name, value] of Object.entries(query)) parameters.set(name, String(value));
  return pageOf(client, parameters);
}

/** Get a page of the history; who has seen its events is noted. */
export async function pageOf(client: RealtimeClient, parameters: URLSearchParams): Promise<Page> {
  const read = (body: unknown) => wholeOf("RecentEvents", body);
  const page = await client.getJson(`/api/events?${parameters}`, read);
  seenHints.of(client).note(page.events);
  return page;
}
