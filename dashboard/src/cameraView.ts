/** How many cameras are shown, which of them, and in what groups. Pure. */

import { byName } from "./format";
import type { Watched } from "./watched";

/** With more of them than this, each has a small tile. */
export const FEW = 12;

/** The cameras to show. */
export function shownOf(watched: readonly Watched[], onlyWithEvents: boolean): readonly Watched[] {
  return onlyWithEvents ? watched.filter(({ last }) => last !== null) : watched;
}

/** The cameras of an area. */
export interface Area {
  /** Null for those of which nobody says where they are. */
  readonly name: string | null;
  readonly cameras: readonly Watched[];
}

/** The areas in the order of names, what is in none at the end; within each the order stays. */
export function areasOf(watched: readonly Watched[]): readonly Area[] {
  const named = new Set(watched.map(({ camera }) => camera.area ?? null));
  const names = [...named].sort(byNameAndNull);
  return names.map((name) => ({
    name,
    cameras: watched.filter(({ camera }) => (camera.area ?? null) === name),
  }));
}

function byNameAndNull(one: string | null, other: string | null): number {
  if (one === null || other === null) return Number(one === null) - Number(other === null);
  return byName(one, other);
}
