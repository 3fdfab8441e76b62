/** How many events nobody has seen yet, and how the title and the icons say so. Pure. */

import type { RiskLevel, SecurityEvent } from "@hsi/realtime";
import { levelOf } from "../homeVerdict";
import { isChosen, type Rules, rankOf } from "./rules";

/** Unseen events at or above the chosen level. */
export interface Counted {
  readonly count: number;
  /** The gravest of theirs; null where there are none. */
  readonly level: RiskLevel | null;
}

export const NONE: Counted = { count: 0, level: null };

/** What is counted of these events, each once: the last of them that tells of it. */
export function countedOf(unseen: readonly SecurityEvent[], rules: Rules): Counted {
  const latest = new Map(unseen.map((event) => [event.identity, event]));
  const chosen = [...latest.values()].filter((event) => isChosen(event, rules));
  let level: RiskLevel | null = null;
  for (const event of chosen) {
    const its = levelOf(event);
    if (level === null || rankOf(its) > rankOf(level)) level = its;
  }
  return { count: chosen.length, level };
}

/** The page's title: "(2) Act now · Home Security". */
export function titleOf(
  { count, level }: Counted,
  name: string,
  words: Readonly<Record<RiskLevel, string>>,
): string {
  return level === null ? name : `(${count}) ${words[level]} · ${name}`;
}

/** What fits into a small badge. */
export function badgeOf({ count }: Counted): string {
  return count > 9 ? "9+" : String(count);
}
