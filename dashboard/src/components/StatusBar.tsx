import {
  useEventStream,
  useInterception,
  useLatestPerformance,
  useSystemStatus,
  useUnanswered,
} from "@hsi/realtime";
import { useEffect, useRef, useState } from "react";
import { announce } from "../announcer";
import { useNow } from "../clock";
import { feedOf } from "../facts";
import { freshnessOf, type Notice, noticeOf } from "../notice";
import { texts } from "../texts";
import { lastHeard } from "../told/lastHeard";
import { ToneIcon } from "./parts";
import { TONE_CLASSES } from "./toneClasses";

const words = texts.page.connection;

/**
 * How well this page is informed: always there and always of one height, so that nothing moves when
 * it has something to say.
 */
export function StatusBar({ askToSignIn }: { askToSignIn: () => void }) {
  const now = useNow();
  const events = useEventStream();
  const system = useSystemStatus();
  const figures = useLatestPerformance();
  const isIntercepted = useInterception();
  const unansweredSince = useUnanswered();
  const [lastHeardAt] = useState(lastHeard);
  const feed = feedOf(events, now);
  const isSilent = feed.state === "silent";
  // Open, and without a word of whether it hears: no better than silence.
  const heard = isSilent && events.isConnected ? ({ ...events, ...SILENT } as const) : events;
  const notice = noticeOf(
    { ...heard, staleSince: heard.staleSince ?? feed.since },
    system,
    figures,
    location.origin,
    { isIntercepted, unansweredSince, isLate: useIsLate(), lastHeardAt },
  );
  useAnnounced(notice);
  const freshness = freshnessOf(
    [
      { name: words.events, heardAt: earlier(events.pulse?.at, events), isLate: isSilent },
      {
        name: words.statuses,
        heardAt: earlier(system.heardAt, system),
        isLate: system.staleSince !== null,
      },
      {
        name: words.figures,
        heardAt: earlier(figures.heardAt, figures),
        isLate: figures.staleSince !== null,
      },
    ].filter(({ name }) => notice.channels.length === 0 || notice.channels.includes(name)),
    now,
  );
  const reconnect = () => {
    events.reconnect();
    system.reconnect();
  };
  return (
    <section
      aria-label={words.name}
      className={`sticky top-0 z-10 border-b backdrop-blur ${TONE_CLASSES[notice.tone].bar}`}
    >
      <div className="flex h-12 items-center gap-2 px-3 text-sm sm:h-10 sm:px-4 xl:px-6">
        <ToneIcon tone={notice.tone} className="size-4" />
        {/* Two lines on a phone, and on two lines it says no less. The announcer speaks for it. */}
        <p role="status" aria-live="off" className="min-w-0 leading-tight">
          <strong className="font-semibold">{notice.title}</strong>{" "}
          {notice.detail && (
            <span className="max-sm:line-clamp-1 max-sm:text-xs">{notice.detail}</span>
          )}
        </p>
        <div className="ml-auto flex shrink-0 items-center gap-3">
          {notice.action !== "sign in" &&
            (freshness.heardAt !== null || notice.tone === "note") && (
              <time
                title={freshness.all}
                dateTime={new Date(freshness.heardAt ?? 0).toISOString()}
                className={`figure ${notice.action ? "max-sm:hidden" : ""} ${
                  notice.tone === "good" ? "text-muted" : ""
                }`}
              >
                {freshness.words}
              </time>
            )}
          {notice.action === "sign in" && <Action name={words.signIn} act={askToSignIn} />}
          {notice.action === "sign in again" && <Action name={words.signInAgain} act={goToLogin} />}
          {notice.action === "reconnect" && <Action name={words.tryNow} act={reconnect} />}
        </div>
      </div>
    </section>
  );
}

/** Milliseconds after which a page that has heard nothing says so. */
const PATIENCE = 4_000;

/** Whether the page has been there for longer than it takes to connect. */
function useIsLate(): boolean {
  const [isLate, setLate] = useState(false);
  useEffect(() => {
    const waiting = setTimeout(() => setLate(true), PATIENCE);
    return () => clearTimeout(waiting);
  }, []);
  return isLate;
}

const SILENT = { connectionState: "stale" } as const;

/** When something was heard last: a clock that was set back since makes that no later. */
function earlier(
  heardAt: number | null | undefined,
  { staleSince }: { readonly staleSince: number | null },
): number | null {
  if (heardAt === null || heardAt === undefined) return null;
  return Math.min(heardAt, staleSince ?? heardAt);
}

/** What guards this page's address asks who it is whenever the page is loaded. */
function goToLogin(): void {
  location.reload();
}

/** Tells a screen reader what the bar says, but not that it connects at first. */
function useAnnounced({ title, detail, tone }: Notice): void {
  const last = useRef<string>(null);
  useEffect(() => {
    const isFirst = last.current === null;
    if (last.current === title || (isFirst && tone === "note")) return;
    last.current = title;
    if (isFirst && tone === "good") return;
    announce(`${title}. ${detail}`.trim());
  }, [title, detail, tone]);
}

function Action({ name, act }: { name: string; act: () => void }) {
  return (
    <button
      type="button"
      onClick={act}
      className="rounded border border-current px-2 py-0.5 font-medium hover:bg-raised"
    >
      {name}
    </button>
  );
}
