import { CloseCode, type Connection, type ConnectionState } from "@hsi/realtime";
import { clock, duration, UNKNOWN } from "./format";
import type { Tone } from "./tones";

/** What a hook says of its connection. */
export interface Heard {
  readonly connectionState: ConnectionState;
  readonly staleSince: number | null;
  readonly ended: Connection["ended"];
}

/** The same of figures; none may ever have come. */
export interface HeardFigures extends Heard {
  readonly current: unknown;
}

/** What the page tells of its connections: one thing, the one that matters most. */
export interface Notice {
  readonly tone: Tone;
  readonly title: string;
  readonly detail: string;
  /** What a person can do about it. */
  readonly action: "sign in" | "reconnect" | null;
}

/**
 * Says how well this page is informed, and of which of its channels it speaks. Pure.
 *
 * @param events Of the events; degraded while their service says that it cannot hear Redis.
 * @param system Of the system's statuses; degraded while they and figures are partial.
 * @param figures Of the performance figures, which come with the statuses.
 * @param host This page's origin, for who has to allow it.
 */
export function noticeOf(
  events: Heard,
  system: Heard,
  figures: HeardFigures,
  host: string,
): Notice {
  const channels = { Events: events, Statuses: system, Figures: figures };
  const all = Object.values(channels);
  const code = all.find(({ ended }) => ended)?.ended?.code;
  const shown = shownOf(all);
  if (code === CloseCode.UNAUTHORIZED) {
    return notice("warn", "Not signed in", "Nothing new is shown until you are.", "sign in");
  }
  if (code === CloseCode.FORBIDDEN_ORIGIN) {
    return notice("bad", "This page may not connect", `Add ${host} to ALLOWED_ORIGINS.`);
  }
  if (code !== undefined) return notice("bad", "Disconnected", shown, "reconnect");
  const connecting = namesOf(channels, "connecting");
  if (connecting) {
    return shown
      ? notice("warn", "Reconnecting…", `${connecting}. ${shown}`, "reconnect")
      : notice("note", "Connecting…", "");
  }
  const stale = namesOf({ Events: events, Statuses: system }, "stale");
  if (stale) return notice("warn", "No news", `${stale}. ${shown}`, "reconnect");
  const isPartial = system.connectionState === "degraded";
  if (events.connectionState === "degraded") {
    const wait = "Events wait: their service cannot hear Redis.";
    return isPartial
      ? notice("warn", "Degraded", `${wait} Statuses are partial, and figures pause.`)
      : notice("warn", "Events wait", "Their service cannot hear Redis; nothing is lost by that.");
  }
  if (isPartial) return notice("warn", "Degraded", "Statuses are partial, and figures pause.");
  if (figures.connectionState === "stale" && figures.current === null) {
    return notice("warn", "No performance figures", "None have come: is the collector running?");
  }
  if (figures.connectionState === "stale")
    return notice("warn", "Performance figures pause", shown);
  return notice("good", "Live", "");
}

/** Something that the page shows, and when it was last heard. */
export interface Channel {
  readonly name: string;
  /** ms since 1970, by the browser's clock; null if never. */
  readonly heardAt: number | null;
  readonly isLate: boolean;
}

/** How new the page is: as new as the worst of its channels, which is named if it is late. */
export interface Freshness {
  readonly words: string;
  /** When the worst was last heard; null if never. */
  readonly heardAt: number | null;
  /** When each of them was last heard. */
  readonly all: string;
}

/** Says how new the page is. Pure. */
export function freshnessOf(channels: readonly Channel[], now: number): Freshness {
  const late = channels.filter(({ isLate }) => isLate);
  const worst = (late.length > 0 ? late : channels).reduce((one, other) =>
    (other.heardAt ?? 0) < (one.heardAt ?? 0) ? other : one,
  );
  const all = channels
    .map(({ name, heardAt }) => `${name} ${heardAt === null ? UNKNOWN : clock(heardAt)}`)
    .join(", ");
  return { words: ageOf(worst, now), heardAt: worst.heardAt, all };
}

function ageOf({ name, heardAt, isLate }: Channel, now: number): string {
  if (heardAt === null) return `${name}: waiting`;
  const age = now - heardAt;
  if (isLate) return `${name}: no news for ${duration(age)}`;
  return age < 1000 ? "Updated now" : `Updated ${duration(age)} ago`;
}

function shownOf(all: readonly Heard[]): string {
  const since = Math.min(...all.map(({ staleSince }) => staleSince ?? Number.POSITIVE_INFINITY));
  return Number.isFinite(since) ? `What you see is of ${clock(since)}.` : "";
}

/** The channels that are in a state: "Events", "Events and statuses". */
function namesOf(channels: Readonly<Record<string, Heard>>, state: ConnectionState): string {
  const names = Object.entries(channels).filter(([, heard]) => heard.connectionState === state);
  return names
    .map(([name], index) => (index === 0 ? name : name.toLowerCase()))
    .join(names.length === 2 ? " and " : ", ");
}

function notice(
  tone: Notice["tone"],
  title: string,
  detail: string,
  action: Notice["action"] = null,
): Notice {
  return { tone, title, detail, action };
}
