import { useEventStream, useLatestPerformance, useSystemStatus } from "@hsi/realtime";
import { useNow } from "../clock";
import { feedOf } from "../facts";
import { freshnessOf, noticeOf } from "../notice";
import { ToneIcon } from "./parts";
import { TONE_CLASSES } from "./toneClasses";

/**
 * How well this page is informed: always there and always of one height, so that nothing moves when
 * it has something to say.
 */
export function StatusBar({ askToSignIn }: { askToSignIn: () => void }) {
  const now = useNow();
  const events = useEventStream();
  const system = useSystemStatus();
  const figures = useLatestPerformance();
  const feed = feedOf(events, now);
  const isSilent = feed.state === "silent";
  // Open, and without a word of whether it hears: no better than silence.
  const heard = isSilent && events.isConnected ? ({ ...events, ...SILENT } as const) : events;
  const notice = noticeOf(
    { ...heard, staleSince: heard.staleSince ?? feed.since },
    system,
    figures,
    location.origin,
  );
  const freshness = freshnessOf(
    [
      { name: "Events", heardAt: events.pulse?.at ?? null, isLate: isSilent },
      { name: "Statuses", heardAt: system.heardAt, isLate: system.staleSince !== null },
      { name: "Figures", heardAt: figures.heardAt, isLate: figures.staleSince !== null },
    ],
    now,
  );
  const reconnect = () => {
    events.reconnect();
    system.reconnect();
  };
  return (
    <section
      aria-label="Connection"
      className={`sticky top-0 z-10 border-b backdrop-blur ${TONE_CLASSES[notice.tone].bar}`}
    >
      <div className="mx-auto flex h-12 max-w-[110rem] items-center gap-2 px-3 text-sm sm:h-10 sm:px-4 xl:px-6">
        <ToneIcon tone={notice.tone} className="size-4" />
        {/* Two lines on a phone, and on two lines it says no less. */}
        <p role="status" className="min-w-0 leading-tight">
          <strong className="font-semibold">{notice.title}</strong>{" "}
          {notice.detail && (
            <span className="max-sm:line-clamp-1 max-sm:text-xs">{notice.detail}</span>
          )}
        </p>
        <div className="ml-auto flex shrink-0 items-center gap-3">
          {notice.action !== "sign in" && (
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
          {notice.action === "sign in" && <Action name="Sign in" act={askToSignIn} />}
          {notice.action === "reconnect" && <Action name="Try now" act={reconnect} />}
        </div>
      </div>
    </section>
  );
}

const SILENT = { connectionState: "stale" } as const;

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
