/** What the page and its worker say to each other. Pure. */

/** A worker that waits takes over. */
export const TAKE_OVER = "take over";
/** A worker says which page it belongs to, through the port that comes along. */
export const ASK_ENTRY = "which entry";

/** Goes to an address of the page. */
export interface Open {
  readonly open: string;
}

/** The first script of a worker's page. */
export interface Entry {
  readonly entry: string;
}

/** The address that a message asks to open; null if it asks for something else. */
export function openIn(data: unknown): string | null {
  return textIn(data, "open");
}

/** The entry that a message tells; null if there is none. */
export function entryIn(data: unknown): string | null {
  return textIn(data, "entry");
}

function textIn(data: unknown, name: string): string | null {
  const fields: Readonly<Record<string, unknown>> =
    typeof data === "object" && data !== null ? { ...data } : {};
  const text = fields[name];
  return typeof text === "string" ? text : null;
}
