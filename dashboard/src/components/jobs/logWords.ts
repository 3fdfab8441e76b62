import { CloseCode, type Connection, type ConnectionState, type Job } from "@hsi/realtime";
import { clock } from "../../format";
import { texts } from "../../texts";
import { JOB_TONES, type Tone } from "../../tones";
import { linesIn } from "./count";

type Status = Job["status"];

/** What is known of a log's connection and of its job's end. */
export interface LogNews {
  readonly connectionState: ConnectionState;
  readonly staleSince: number | null;
  readonly ended: Connection["ended"];
  /** How the job is, or how it ended. */
  readonly status: Status;
  readonly exitCode: number | null;
  /** Lines that are kept. */
  readonly lines: number;
  readonly presence: Presence;
  /** Since when a job that runs has said nothing, as a time of day; by default it is not long. */
  readonly silentSince?: string;
}

/**
 * Whether there is such a job: nobody has said yet, there is one as far as is known, there is none,
 * and why, or nobody can say, and why.
 */
export type Presence =
  | "asked"
  | "there"
  | { readonly missing: string }
  | { readonly unknown: string };

/** What a viewer says of a log as a whole. */
export interface LogWords {
  readonly tone: Tone;
  readonly text: string;
  /** Whether a person may ask for it again. */
  readonly again: boolean;
}

const said = texts.jobs;
const ENDS: Partial<Record<NonNullable<Status>, string>> = said.ends;

const NOT_KNOWN = { tone: "warn", text: said.notKnown } as const;
const NO_SUCH_JOB = { tone: "unknown", text: said.noSuchJob } as const;

/** An exit status over this one tells of a signal. */
const SIGNALS = 128;

/** Says how a log and its job are. Pure. */
export function logWords(news: LogNews): LogWords {
  const { connectionState, staleSince, ended, status } = news;
  const end = status === null ? undefined : ENDS[status];
  const known = status !== null &&
    end !== undefined && { tone: JOB_TONES[status], text: `${end}${exit(news.exitCode)}` };
  const none = isObject(news.presence) && "missing" in news.presence && !known;
  if (ended) {
    if (ended.code !== CloseCode.NORMAL) return closed(ended);
    return known ? words(known) : none ? words(NO_SUCH_JOB, true) : closed(ended);
  }
  if (connectionState === "connecting") {
    if (staleSince === null) return words({ tone: "note", text: said.connecting });
    return words({ tone: "warn", text: said.reconnecting(linesIn(news.lines)) }, true);
  }
  if (connectionState === "stale") {
    const text = staleSince === null ? said.silent : said.silentSince(clock(staleSince));
    return words({ tone: "warn", text }, true);
  }
  if (none) return words(NO_SUCH_JOB);
  if (isObject(news.presence) && !known) return words(NOT_KNOWN);
  if (news.presence === "asked" && !known) return words({ tone: "note", text: said.connecting });
  if (known) return words(known);
  return news.silentSince
    ? words({ tone: "unknown", text: said.liveButSilent(news.silentSince) })
    : words({ tone: "good", text: said.live });
}

function closed({ code, reason }: NonNullable<Connection["ended"]>): LogWords {
  if (code === CloseCode.UNAUTHORIZED) {
    return words({ tone: "warn", text: said.needsKey });
  }
  if (code === CloseCode.FORBIDDEN_ORIGIN) {
    return words({ tone: "bad", text: said.forbidden });
  }
  if (reason === "Idle timeout") {
    return words({ tone: "unknown", text: said.idle }, true);
  }
  return words({ tone: "unknown", text: said.closed }, true);
}

function words(how: { readonly tone: Tone; readonly text: string }, again = false): LogWords {
  return { ...how, again };
}

function exit(code: number | null): string {
  if (code === null) return "";
  return code > SIGNALS ? said.signal(code - SIGNALS) : said.exitCode(code);
}

/** What is known of a log that shows no line. */
export interface NoLines {
  /** Lines that are kept, shown or not. */
  readonly kept: number;
  readonly paused: boolean;
  readonly cleared: boolean;
  /** Whether the job ended. */
  readonly over: boolean;
  readonly connectionState: ConnectionState;
  readonly presence: Presence;
}

/** Says why a log shows no line, and what would bring some. Pure. */
export function noLineWords(how: NoLines): { readonly title: string; readonly hint: string } {
  const { kept, paused, cleared, over, connectionState, presence } = how;
  if (kept > 0 && !paused) {
    return { title: said.noMatch, hint: said.doNot(kept, linesIn(kept)) };
  }
  if (paused) return { title: said.paused, hint: said.goOn };
  if (over) return { title: cleared ? said.cleared : said.noLines, hint: said.nothingMore };
  if (cleared && connectionState !== "closed") {
    return { title: said.cleared, hint: said.newHere };
  }
  if (isObject(presence) && "unknown" in presence) {
    return { title: said.notKnown, hint: sentence(presence.unknown) };
  }
  if (isObject(presence)) {
    const soon = connectionState === "closed" ? "" : said.soon;
    return { title: said.noSuchJob, hint: `${sentence(presence.missing)}${soon}` };
  }
  if (connectionState === "connecting" || (presence === "asked" && connectionState !== "closed")) {
    return { title: said.connecting, hint: "" };
  }
  if (connectionState === "closed") return { title: said.noLines, hint: "" };
  return { title: said.noLineYet, hint: said.atOnce };
}

function isObject(presence: Presence): presence is Exclude<Presence, string> {
  return typeof presence === "object";
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
