/** The risk of an event, made of what its producer wrote, however oddly. Pure. */

import type { EventData } from "./messages.ts";

export type RiskLevel = EventData["risk_level"];

export interface Risk {
  /** By its word in any case, else by its score; null where it has neither. */
  readonly riskLevel: RiskLevel | null;
  /** From 0 to 100. */
  readonly riskScore: number | null;
  /** Whether the score was not from 0 to 100, and is clamped. */
  readonly isOutOfRange: boolean;
}

/** From the lowest. */
export const RISK_LEVELS: readonly RiskLevel[] = ["low", "medium", "high", "critical"];

const LEAST: readonly { least: number; level: RiskLevel }[] = [
  { least: 85, level: "critical" },
  { least: 60, level: "high" },
  { least: 30, level: "medium" },
];
const MAX_SCORE = 100;
const NUMBER = /^\s*[+-]?[0-9]+(\.[0-9]+)?\s*$/;

/** The risk that these fields of an event's data tell of. */
export function riskOf(fields: Readonly<Record<string, unknown>>): Risk {
  const given = numberOf(fields.risk_score);
  const score = given === null ? null : Math.min(Math.max(given, 0), MAX_SCORE);
  return {
    riskLevel: wordOf(fields.risk_level) ?? levelOf(score),
    riskScore: score,
    isOutOfRange: score !== given,
  };
}

/** The scores that a level stands for. */
export function scoresOf(level: RiskLevel): { readonly least: number; readonly greatest: number } {
  const place = LEAST.findIndex((one) => one.level === level);
  const above = place < 0 ? LEAST.at(-1) : LEAST[place - 1];
  return { least: LEAST[place]?.least ?? 0, greatest: above ? above.least - 1 : MAX_SCORE };
}

function numberOf(value: unknown): number | null {
  if (typeof value === "string" && NUMBER.test(value)) return Number(value);
  return typeof value === "number" && !Number.isNaN(value) ? value : null;
}

function wordOf(value: unknown): RiskLevel | null {
  if (typeof value !== "string") return null;
  const word = value.trim().toLowerCase();
  return RISK_LEVELS.find((level) => level === word) ?? null;
}

function levelOf(score: number | null): RiskLevel | null {
  if (score === null) return null;
  return LEAST.find(({ least }) => score >= least)?.level ?? "low";
}
