import { useClient } from "./RealtimeProvider.tsx";
import { useObservable } from "./useObservable.ts";

/** Since when something that the page asks for cannot be had, ms since 1970; null while it can. */
export function useUnanswered(): number | null {
  return useObservable(useClient().unanswered);
}
