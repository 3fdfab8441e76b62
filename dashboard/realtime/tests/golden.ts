import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { PerformanceUpdate, PerformanceUpdateData } from "../src/messages";
import type { Message } from "../src/narrow";

const GOLDEN = join(import.meta.dirname, "../../../tests/golden");

/** A message as the seed shows it; the services' tests have the same. */
export function golden(name: string): Message {
  return JSON.parse(readFileSync(join(GOLDEN, `${name}.json`), "utf8"));
}

const EXAMPLE = golden("performance_update") as PerformanceUpdate;

/** The seed's performance figures, as of this time (ms since 1970). */
export function figuresAt(at: number): PerformanceUpdateData {
  return { ...EXAMPLE.data, timestamp: new Date(at).toISOString() };
}
