import { useClient } from "./RealtimeProvider.tsx";
import { useObservable } from "./useObservable.ts";

/**
 * Whether something in front of the services answers in their place: a proxy whose login has ended.
 * Loading the page again leads to that login.
 */
export function useInterception(): boolean {
  return useObservable(useClient().interception);
}
