import { type RiskLevel, type SecurityEvent, useActiveAlerts, useEventStream } from "@hsi/realtime";
import { useEffect, useRef } from "react";
import { announce } from "../announcer";
import { nameOf } from "../cameraNames";
import { isolated } from "../format";
import { texts } from "../texts";
import { useCameraNames } from "../useCameraNames";

const words = texts.page;

/** The risks that a screen reader tells of at once, on whichever page. */
const GRAVE: ReadonlySet<RiskLevel | null> = new Set<RiskLevel>(["high", "critical"]);

/** Tells a screen reader of each grave event, and of alerts that are raised or end. */
export function Announcements() {
  const { recent } = useEventStream();
  const names = useCameraNames();
  const { active } = useActiveAlerts();
  const told = useRef<ReadonlySet<string>>(new Set());
  const raised = useRef<ReadonlyMap<string, string>>(null);

  useEffect(() => {
    const grave = recent.filter(({ riskLevel, isNew }) => isNew && GRAVE.has(riskLevel));
    // They are the newest first, and told as they came.
    for (const event of grave.toReversed()) {
      if (told.current.has(newsOf(event))) continue;
      const { riskLevel, cameraId, summary } = event;
      const what =
        cameraId === null
          ? isolated(summary)
          : texts.dashboard.home.eventAt(isolated(nameOf(cameraId, names)), isolated(summary));
      announce(words.announcedEvent(texts.dashboard.risk.levels[riskLevel ?? "high"], what), {
        assertive: riskLevel === "critical",
      });
    }
    told.current = new Set(grave.map(newsOf));
  }, [recent, names]);

  useEffect(() => {
    if (active === null) return;
    const before = raised.current;
    raised.current = new Map(active.map(({ id, message }) => [id, message]));
    // What was raised before the page was opened is on it, and no news.
    if (before === null) return;
    for (const { id, severity, message } of active) {
      if (before.has(id)) continue;
      announce(words.announcedAlert(severity, message), { assertive: severity === "critical" });
    }
    for (const [id, message] of before) {
      if (!raised.current.has(id)) announce(words.announcedEnd(message));
    }
  }, [active]);

  return null;
}

/** A higher level makes an event another piece of news. */
function newsOf({ identity, riskLevel }: SecurityEvent): string {
  return `${riskLevel} ${identity}`;
}
