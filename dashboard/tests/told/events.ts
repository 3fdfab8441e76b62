/** Events as the page hears them. */

import { eventOf, type RiskLevel, type SecurityEvent } from "@hsi/realtime";

interface Told {
  readonly id?: number;
  readonly level?: RiskLevel | null;
  readonly camera?: string | null;
  readonly arrivedAt?: number;
  readonly isNew?: boolean;
}

let heard = 0;

export function event({
  id = 1,
  level = "high",
  camera = "front_door",
  arrivedAt = Date.now(),
  isNew = true,
}: Told = {}): SecurityEvent {
  heard += 1;
  const data = { event_id: id, camera_id: camera, risk_level: level, summary: `Event ${id}` };
  return eventOf(data, `${arrivedAt}-${heard}`, Date.now(), { isNew, arrivedAt });
}
