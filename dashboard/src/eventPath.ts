/** The page's path of an event (its cursor). Pure. */
export function eventPath(cursor: string): string {
  return `/events/${encodeURIComponent(cursor)}`;
}
