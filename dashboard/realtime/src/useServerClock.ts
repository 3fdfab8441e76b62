import { useClient } from "./RealtimeProvider.tsx";
import { useObservable } from "./useObservable.ts";

/** How far the services' clock is ahead of the browser's, in milliseconds; null while not known. */
export function useServerClock(): number | null {
  return useObservable(useClient().clock);
}
