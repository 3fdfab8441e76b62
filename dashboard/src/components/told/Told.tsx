import { useEventNews, useEventStream, useSystemStatus } from "@hsi/realtime";
import { useEffect, useState, useSyncExternalStore } from "react";
import { dateAndClock } from "../../format";
import { texts } from "../../texts";
import { lastHeard, noteHeard } from "../../told/lastHeard";
import type { Notifier } from "../../told/notifier";
import { useCameraNames } from "../../useCameraNames";

/** Milliseconds between two notes of when something was heard. */
const NOTE_INTERVAL = 15_000;
/** Milliseconds between two counts, though nothing was heard. */
const COUNT_INTERVAL = 5_000;
/** Milliseconds after which a page that has heard nothing says so. */
const PATIENCE = 4_000;

/** Tells the person of events, and says at the foot of the page what there is to say of the page itself. */
export function Told({ notifier }: { notifier: Notifier }) {
  const news = useEventNews();
  const names = useCameraNames();
  useEffect(() => notifier.name(names), [names, notifier]);
  useEffect(() => news.listen(notifier.teller.hear), [news, notifier]);

  useEffect(() => {
    const count = () => {
      notifier.count(news.unseen());
      notifier.settle(news.seen());
    };
    // An event that has become old is no longer counted.
    const counting = setInterval(count, COUNT_INTERVAL);
    const releases = [news.watch(count), notifier.choices.subscribe(count)];
    return () => {
      clearInterval(counting);
      for (const release of releases) release();
    };
  }, [news, notifier]);

  useEffect(() => {
    const note = () => {
      const pulse = news.pulse();
      if (pulse) noteHeard(pulse.at);
    };
    const noting = setInterval(note, NOTE_INTERVAL);
    // A phone may end a hidden page without another word.
    addEventListener("pagehide", note);
    document.addEventListener("visibilitychange", note);
    return () => {
      clearInterval(noting);
      removeEventListener("pagehide", note);
      document.removeEventListener("visibilitychange", note);
    };
  }, [news]);

  return (
    <aside aria-label={texts.told.page} className="sticky bottom-0 z-10 text-sm">
      <LastHeard />
      <NewerPage notifier={notifier} />
    </aside>
  );
}

/** When this home was last heard of: where the page was opened, and has heard nothing yet. */
function LastHeard() {
  const [heardBefore] = useState(lastHeard);
  const events = useEventStream();
  const system = useSystemStatus();
  const [isLate, setLate] = useState(false);
  useEffect(() => {
    const waiting = setTimeout(() => setLate(true), PATIENCE);
    return () => clearTimeout(waiting);
  }, []);
  const isConnecting = events.connectionState === "connecting";
  const hasHeard = events.pulse !== null || system.heardAt !== null;
  const isWaiting = isConnecting && !hasHeard && isLate;
  if (!isWaiting || heardBefore === null) return null;
  return (
    <p role="status" className={`${STRIP} text-warn-ink`}>
      {texts.told.lastHeard(dateAndClock(heardBefore))}
    </p>
  );
}

/** That there is a newer page: it is loaded when the person wants it, who may be in the midst of something. */
function NewerPage({ notifier: { worker } }: { notifier: Notifier }) {
  const isNewer = useSyncExternalStore(worker.subscribe, worker.isNewer);
  if (!isNewer) return null;
  return (
    <p role="status" className={STRIP}>
      {texts.told.newer}{" "}
      <button type="button" onClick={worker.takeOver} className="underline hover:no-underline">
        {texts.told.loadNewer}
      </button>
    </p>
  );
}

const STRIP = "border-line border-t bg-raised px-3 py-2 sm:px-4 xl:px-6";
