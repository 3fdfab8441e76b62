import { useEventStream, useServerClock, useSystemStatus } from "@hsi/realtime";
import { useNow } from "./clock";
import { factsOf } from "./facts";
import { type HomeVerdict, homeVerdict } from "./homeVerdict";

/** How the home is, now. */
export function useHome(): HomeVerdict {
  const now = useNow();
  const ahead = useServerClock();
  return homeVerdict(factsOf(useEventStream(), useSystemStatus(), now, ahead));
}
