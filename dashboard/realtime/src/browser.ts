/** Whether this runs in a page, and not on a server that only renders one. */
export function isBrowser(): boolean {
  return typeof window !== "undefined";
}
