import { CloseCode, type Connection, type ConnectionState, type Job } from "@hsi/realtime";
import { clock } from "../../format";
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
}

/**
 * Whether there is such a job: nobody has said yet, there is one as far as is known, or there is
 * none, and why.
 */
export type Presence = "asked" | "there" | { readonly missing: string };

/** What a viewer says of a log as a whole. */
export interface LogWords {
  readonly tone: Tone;
  readonly text: string;
  /** Whether a person may ask for it again. */
  readonly again: boolean;
}

const ENDS: Partial<Record<NonNullable<Status>, string>> = {
  completed: "Completed",
  failed: "Failed",
  cancelled: "Cancelled",
};

const NO_SUCH_JOB = { tone: "unknown", text: "No such job" } as const;

/** An exit status over this one tells of a signal. */
const SIGNALS = 128;

/** Says how a log and its job are. Pure. */
export function logWords(news: LogNews): LogWords {
  const { connectionState, staleSince, ended, status } = news;
  const end = status === null ? undefined : ENDS[status];
  const known = status !== null &&
    end !== undefined && { tone: JOB_TONES[status], text: `${end}${exit(news.exitCode)}` };
  const none = typeof news.presence === "object" && !known;
  if (ended) {
    if (ended.code !== CloseCode.NORMAL) return closed(ended);
    return known ? words(known) : none ? words(NO_SUCH_JOB, true) : closed(ended);
  }
  if (connectionState === "connecting") {
    if (staleSince === null) return words({ tone: "note", text: "Connecting…" });
    const text = `${linesIn(news.lines)} so far; reconnecting…`;
    return words({ tone: "warn", text }, true);
  }
  if (connectionState === "stale") {
    const since = staleSince === null ? "" : ` since ${clock(staleSince)}`;
    return words({ tone: "warn", text: `No sign of the server${since}` }, true);
  }
  if (none) return words(NO_SUCH_JOB);
  if (news.presence === "asked" && !known) return words({ tone: "note", text: "Connecting…" });
  return words(known || { tone: "good", text: "Live" });
}

function closed({ code, reason }: NonNullable<Connection["ended"]>): LogWords {
  if (code === CloseCode.UNAUTHORIZED) {
    return words({ tone: "warn", text: "Refused: an API key is needed" });
  }
  if (code === CloseCode.FORBIDDEN_ORIGIN) {
    return words({ tone: "bad", text: "Refused: this page's address is not allowed" });
  }
  if (reason === "Idle timeout") {
    return words({ tone: "unknown", text: "Nothing was said for a while" }, true);
  }
  return words({ tone: "unknown", text: "Closed, without word of how the job ended" }, true);
}

function words(how: { readonly tone: Tone; readonly text: string }, again = false): LogWords {
  return { ...how, again };
}

function exit(code: number | null): string {
  if (code === null) return "";
  return code > SIGNALS ? `, ended by signal ${code - SIGNALS}` : `, exit code ${code}`;
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
    const hint = `${linesIn(kept)} ${kept === 1 ? "does" : "do"} not.`;
    return { title: "No line matches", hint };
  }
  if (paused) return { title: "Paused", hint: "No line to show here until you go on." };
  if (over) return { title: cleared ? "Cleared" : "No lines", hint: "Nothing more is to come." };
  if (cleared && connectionState !== "closed") {
    return { title: "Cleared", hint: "New lines show here." };
  }
  if (typeof presence === "object") {
    const soon =
      connectionState === "closed" ? "" : " Should it begin, its lines show here at once.";
    return { title: "No such job", hint: `${sentence(presence.missing)}${soon}` };
  }
  if (connectionState === "connecting" || (presence === "asked" && connectionState !== "closed")) {
    return { title: "Connecting…", hint: "" };
  }
  if (connectionState === "closed") return { title: "No lines", hint: "" };
  return { title: "No line yet", hint: "What the job says shows here at once." };
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
