import type { SecurityEvent } from "@hsi/realtime";
import { useEffect, useState } from "react";

/** Milliseconds for which an event counts as just arrived. */
const NEW = 2_000;

/**
 * Whether an event has just arrived: for 2 s after it was first shown, and not whenever it is drawn.
 *
 * What marks it stands still. Where there is no GPU, each frame of a fade draws the window again: of
 * 0.4 s at one event a second, that is 9 % of a core.
 */
export function useArrived({ isNew, heardAt }: SecurityEvent): boolean {
  const [arrived, setArrived] = useState(() => isNew && Math.abs(Date.now() - heardAt) < NEW);
  useEffect(() => {
    if (!arrived) return;
    const over = setTimeout(() => setArrived(false), NEW);
    return () => clearTimeout(over);
  }, [arrived]);
  return arrived;
}
