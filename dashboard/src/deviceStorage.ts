/**
 * What this device remembers of a person's choices, by names as "hsi.theme". Where a browser keeps
 * nothing for this page, it is remembered until the page is closed.
 */

/** What the browser would not keep. */
const memory = new Map<string, string>();

/** What was written last; null if nothing was. */
export function read(key: string): string | null {
  const unkept = memory.get(key);
  if (unkept !== undefined) return unkept;
  try {
    return localStorage.getItem(key);
  } catch {
    // Site data are blocked: even to name the storage throws.
    return null;
  }
}

/** Remember a text; it never fails. */
export function write(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
    memory.delete(key);
  } catch {
    // Blocked, or full.
    memory.set(key, value);
  }
}
