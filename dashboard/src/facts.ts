/** What a page knows of a home, made of what its hooks say. Pure. */

import {
  type ConnectionState,
  NO_MARKS,
  type Pulse,
  type Queues,
  type SecurityEvent,
  type SeenMarks,
  type SystemStatusData,
  type WindowKnowledge,
} from "@hsi/realtime";
import type { Facts } from "./homeVerdict";

/** Milliseconds after which the last pong says nothing about now: one is due every 10 s. */
export const PULSE_PATIENCE = 16_000;

/** What `useEventStream` says. */
export interface HeardEvents {
  readonly connectionState: ConnectionState;
  readonly staleSince: number | null;
  readonly pulse: Pulse | null;
  readonly deafSince: number | null;
  readonly window: WindowKnowledge;
  readonly recent: readonly SecurityEvent[];
}

/** What `useSystemStatus` says. */
export interface HeardStatus {
  readonly connectionState: ConnectionState;
  readonly staleSince: number | null;
  readonly status: Readonly<Partial<SystemStatusData>> | null;
  readonly queues: Queues;
}

/**
 * The facts of a home.
 *
 * @param now The browser's time; only differences to other times of the browser count.
 * @param ahead How far the services' clock is ahead of it; null while that is not known.
 * @param marks Which events somebody has seen, as `useSeen` says.
 */
export function factsOf(
  events: HeardEvents,
  system: HeardStatus,
  now: number,
  ahead: number | null,
  marks: SeenMarks = NO_MARKS,
): Facts {
  const there = (time: number | null) => (time === null ? null : time + (ahead ?? 0));
  const feed = feedOf(events, now);
  const status = statusOf(system);
  return {
    now: there(ahead === null ? null : now),
    feed: { ...feed, since: there(feed.since) },
    window: events.window,
    status: { ...status, since: there(status.since) },
    cameras: system.status?.cameras ?? null,
    ai: system.status?.services ?? {},
    queues: { ...system.queues, since: there(system.queues.since) },
    events: events.recent,
    marks,
  };
}

/** Whether events are heard now, by their own feed's pongs; times are the browser's. */
export function feedOf(events: Omit<HeardEvents, "window" | "recent">, now: number): Facts["feed"] {
  const { connectionState, staleSince, pulse, deafSince } = events;
  const isOpen = connectionState === "live" || connectionState === "degraded";
  if (!isOpen && staleSince !== null) return { state: "silent", since: staleSince };
  if (!isOpen || pulse === null) return { state: "waiting", since: null };
  if (now - pulse.at > PULSE_PATIENCE) return { state: "silent", since: pulse.at };
  if (pulse.heard === false) return { state: "deaf", since: deafSince };
  return { state: pulse.heard ? "heard" : "waiting", since: null };
}

function statusOf({ connectionState, staleSince, status }: HeardStatus): Facts["status"] {
  const isOpen = connectionState === "live" || connectionState === "degraded";
  if (status === null) return { state: "waiting", since: null };
  return isOpen ? { state: "heard", since: null } : { state: "silent", since: staleSince };
}
