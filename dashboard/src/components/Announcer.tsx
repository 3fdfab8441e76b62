import { useSyncExternalStore } from "react";
import { announcements } from "../announcer";

const { subscribe, polite, assertive } = announcements;

/** The page's two live regions, in which screen readers find what `announce` says. */
export function Announcer() {
  return (
    <div className="sr-only">
      <p aria-live="polite" aria-atomic="true" data-announcer="polite">
        {useSyncExternalStore(subscribe, polite)}
      </p>
      <p aria-live="assertive" aria-atomic="true" data-announcer="assertive">
        {useSyncExternalStore(subscribe, assertive)}
      </p>
    </div>
  );
}
