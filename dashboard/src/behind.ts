/** The page that an event is open over: it goes along in the state of the browser's history. Pure. */

/** Where an event is shown. */
export const EVENT_PATTERN = "/events/:cursor";
/** What an event is over that was opened by its address. */
export const EVENTS_PATH = "/events";

/** What goes along with an event that is opened over the page of this path. */
export interface Over {
  readonly behind: string;
}

/** The path of the page behind, by the state of the browser's history; null: opened by its address. */
export function behindOf(state: unknown): string | null {
  if (typeof state !== "object" || state === null || !("behind" in state)) return null;
  const { behind } = state;
  return typeof behind === "string" && /^\/(?!\/)/.test(behind) ? behind : null;
}
