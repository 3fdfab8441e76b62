import { CloseCode, type Connection, type ConnectionState } from "@hsi/realtime";
import { clock } from "./format";
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
 * Says how well this page is informed. Pure.
 *
 * @param events Of the events.
 * @param system Of the system's statuses.
 * @param figures Of the performance figures.
 * @param host This page's origin, for who has to allow it.
 */
export function noticeOf(
  events: Heard,
  system: Heard,
  figures: HeardFigures,
  host: string,
): Notice {
  const all = [events, system, figures];
  const code = all.find(({ ended }) => ended)?.ended?.code;
  const states = new Set(all.map(({ connectionState }) => connectionState));
  const since = Math.min(...all.map(({ staleSince }) => staleSince ?? Number.POSITIVE_INFINITY));
  const shown = Number.isFinite(since) ? `What you see is of ${clock(since)}.` : "";
  if (code === CloseCode.UNAUTHORIZED) {
    return notice("warn", "Not signed in", "Nothing new is shown until you are.", "sign in");
  }
  if (code === CloseCode.FORBIDDEN_ORIGIN) {
    return notice("bad", "This page may not connect", `Add ${host} to ALLOWED_ORIGINS.`);
  }
  if (code !== undefined) return notice("bad", "Disconnected", shown, "reconnect");
  if (states.has("connecting")) {
    return shown
      ? notice("warn", "Reconnecting…", shown, "reconnect")
      : notice("note", "Connecting…", "");
  }
  if (events.connectionState === "stale" || system.connectionState === "stale") {
    return notice("warn", "No news", shown, "reconnect");
  }
  if (states.has("degraded")) {
    return notice("warn", "Degraded", "Redis cannot be heard: events wait, figures are partial.");
  }
  if (states.has("stale") && figures.current === null) {
    return notice("warn", "No performance figures", "None have come: is the collector running?");
  }
  if (states.has("stale")) return notice("warn", "Performance figures pause", shown);
  return notice("good", "Live", "");
}

function notice(
  tone: Notice["tone"],
  title: string,
  detail: string,
  action: Notice["action"] = null,
): Notice {
  return { tone, title, detail, action };
}
