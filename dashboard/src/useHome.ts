import { useEventStream, useSeen, useServerClock, useSystemStatus } from "@hsi/realtime";
import { useNow } from "./clock";
import { factsOf } from "./facts";
import { caveatOf, type HomeVerdict, homeVerdict } from "./homeVerdict";
import { useCameraNames } from "./useCameraNames";

/** How the home is, now, and what there may be beside it. */
export function useHome(): HomeVerdict & { readonly caveat: string | null } {
  const now = useNow();
  const ahead = useServerClock();
  const { marks } = useSeen();
  const names = useCameraNames();
  const facts = { ...factsOf(useEventStream(), useSystemStatus(), now, ahead, marks), names };
  const verdict = homeVerdict(facts);
  return { ...verdict, caveat: caveatOf(verdict, facts) };
}
