import { CloseCode, type Connection, type ConnectionState } from "@hsi/realtime";
import { clock, dateAndClock, duration, UNKNOWN } from "./format";
import { texts } from "./texts";
import type { Tone } from "./tones";

const words = texts.page.connection;

/** What a hook says of its connection. */
export interface Heard {
  readonly connectionState: ConnectionState;
  readonly staleSince: number | null;
  readonly ended: Connection["ended"];
}

/** The same of figures; none may ever have come. */
export interface HeardFigures extends Heard {
  readonly current: unknown;
  /** Whether they are asked for, since they cannot come through Redis. */
  readonly polled?: boolean;
}

/** What a page knows beside what its channels say. */
export interface PageFacts {
  /** Whether something in front of the services answers in their place. */
  readonly isIntercepted?: boolean;
  /** Since when what is asked for cannot be had; null while it can. */
  readonly unansweredSince?: number | null;
  /** Whether the page has waited for longer than a connection takes. */
  readonly isLate?: boolean;
  /** When this device last heard of the home, before this page was opened; null where nobody knows. */
  readonly lastHeardAt?: number | null;
}

/** What the page tells of its connections: one thing, the one that matters most. */
export interface Notice {
  readonly tone: Tone;
  readonly title: string;
  readonly detail: string;
  /** What a person can do about it. */
  readonly action: "sign in" | "sign in again" | "reconnect" | null;
  /** The channels that it speaks of; none where it speaks of the page. */
  readonly channels: readonly string[];
}

/**
 * Says how well this page is informed, and of which of its channels it speaks. Pure.
 *
 * @param events Of the events; degraded while their service says that it cannot hear Redis.
 * @param system Of the system's statuses; degraded while they and figures are partial.
 * @param figures Of the performance figures, which come with the statuses.
 * @param host This page's origin, for who has to allow it.
 * @param page What is known beside that.
 */
export function noticeOf(
  events: Heard,
  system: Heard,
  figures: HeardFigures,
  host: string,
  page: PageFacts = {},
): Notice {
  const both = { [words.events]: events, [words.statuses]: system };
  const channels = { ...both, [words.figures]: figures };
  const all = Object.values(channels);
  const code = all.find(({ ended }) => ended)?.ended?.code;
  if (page.isIntercepted) {
    return notice("warn", words.loginEnded, words.loginEndedDetail, "sign in again");
  }
  if (code === CloseCode.UNAUTHORIZED) {
    return notice("warn", words.notSignedIn, words.notSignedInDetail, "sign in");
  }
  if (code === CloseCode.FORBIDDEN_ORIGIN) {
    return notice("bad", words.forbidden, words.forbiddenDetail(host));
  }
  if (code !== undefined) {
    return notice("bad", words.disconnected, shownOf(channels, Object.keys(channels)), "reconnect");
  }
  const connecting = namesOf(channels, "connecting");
  if (connecting.length > 0) return connectingOf(channels, connecting, page);
  const stale = namesOf(both, "stale");
  if (stale.length > 0) {
    return notice("warn", words.noNews, shownOf(channels, stale), "reconnect", stale);
  }
  const partial = system.connectionState === "degraded" ? partialOf(figures) : null;
  if (events.connectionState === "degraded") {
    return partial === null
      ? notice("warn", words.eventsWait, words.eventsWaitDetail)
      : notice("warn", words.degraded, `${words.eventsWaitToo} ${partial}`);
  }
  if (partial !== null) return notice("warn", words.degraded, partial);
  if (figures.connectionState === "stale" && figures.current !== null) {
    // Where their service is away, what is asked of it cannot be had either: this says which.
    const late = [words.figures];
    return notice("warn", words.figuresPause, shownOf(channels, late), null, late);
  }
  if (page.unansweredSince != null) {
    return notice("warn", words.noAnswers, words.noAnswersDetail(clock(page.unansweredSince)));
  }
  if (figures.connectionState === "stale") {
    return notice("warn", words.noFigures, words.noFiguresDetail);
  }
  return notice("good", words.live, "");
}

type Channels = Readonly<Record<string, Heard>>;

/** Of channels that have no connection: again, or for the first time. */
function connectingOf(
  channels: Channels,
  names: readonly string[],
  { isLate = false, lastHeardAt = null }: PageFacts,
): Notice {
  const shown = shownOf(channels, names);
  if (shown) return notice("warn", words.reconnecting, shown, "reconnect", names);
  if (!isLate) return notice("note", words.connecting, "");
  if (names.length < Object.keys(channels).length) {
    const detail = words.nothingYet(words.channels(names));
    return notice("warn", words.connecting, detail, "reconnect", names);
  }
  const detail = lastHeardAt === null ? words.noAnswer : words.lastHeard(dateAndClock(lastHeardAt));
  return notice("warn", words.noConnection, detail, "reconnect");
}

/** How partial statuses are, and figures with them: these may come all the same, when asked for. */
function partialOf({ connectionState, polled }: HeardFigures): string {
  if (connectionState === "stale") return words.partialAndPause;
  return polled ? words.partialAndAsked : words.partial;
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
    .map(({ name, heardAt }) => words.heardAt(name, heardAt === null ? UNKNOWN : clock(heardAt)))
    .join(", ");
  return { words: ageOf(worst, now), heardAt: worst.heardAt, all };
}

function ageOf({ name, heardAt, isLate }: Channel, now: number): string {
  if (heardAt === null) return words.waiting(name);
  const age = now - heardAt;
  if (isLate) return words.noNewsFor(name, duration(age));
  return age < 1000 ? words.updatedNow : words.updated(duration(age));
}

/** Of when the named channels are; where all are late, that goes for all that is shown. */
function shownOf(channels: Channels, names: readonly string[]): string {
  const isAll = Object.values(channels).every(({ staleSince }) => staleSince !== null);
  const spokenOf = isAll ? Object.keys(channels) : names;
  const times = spokenOf.map((name) => channels[name]?.staleSince ?? Number.POSITIVE_INFINITY);
  const since = Math.min(...times);
  if (!Number.isFinite(since)) return "";
  return isAll ? words.shownIsOf(clock(since)) : words.areOf(words.channels(names), clock(since));
}

/** The names of the channels that are in a state. */
function namesOf(channels: Channels, state: ConnectionState): readonly string[] {
  const names = Object.entries(channels).filter(([, heard]) => heard.connectionState === state);
  return names.map(([name]) => name);
}

function notice(
  tone: Notice["tone"],
  title: string,
  detail: string,
  action: Notice["action"] = null,
  channels: readonly string[] = [],
): Notice {
  return { tone, title, detail, action, channels };
}
