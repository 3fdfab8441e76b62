import { read, write } from "../deviceStorage";

const KEY = "hsi.told.heard-at";

/** When this device last heard of the home, ms since 1970; null where nobody knows. */
export function lastHeard(): number | null {
  const at = Number(read(KEY) ?? Number.NaN);
  return Number.isFinite(at) ? at : null;
}

/** Note when it heard of the home: a page that finds no network says it. */
export function noteHeard(at: number): void {
  write(KEY, String(at));
}
