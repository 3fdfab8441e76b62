import { useEventStream, useLatestPerformance, useSystemStatus } from "@hsi/realtime";
import { noticeOf } from "../notice";
import { Ago, ToneIcon } from "./parts";
import { TONE_CLASSES } from "./toneClasses";

/**
 * How well this page is informed: always there and always of one height, so that nothing moves when
 * it has something to say.
 */
export function StatusBar({ askToSignIn }: { askToSignIn: () => void }) {
  const events = useEventStream();
  const system = useSystemStatus();
  const figures = useLatestPerformance();
  const notice = noticeOf(events, system, figures, location.origin);
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
        <div className="ml-auto shrink-0">
          {notice.action === "sign in" && <Action name="Sign in" act={askToSignIn} />}
          {notice.action === "reconnect" && <Action name="Try now" act={reconnect} />}
          {notice.tone === "good" && (
            <span className="text-muted">
              Updated <Ago time={system.heardAt} />
            </span>
          )}
        </div>
      </div>
    </section>
  );
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
