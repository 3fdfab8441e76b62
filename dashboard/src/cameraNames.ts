/** What cameras are called: by the name that the home gave them, where it is known. Pure. */

import type { Camera } from "@hsi/realtime";
import { spoken } from "./format";

/** Names for people, by cameras' ids. */
export type CameraNames = ReadonlyMap<string, string>;

export const NO_NAMES: CameraNames = new Map();

export function namesOf(cameras: readonly Pick<Camera, "id" | "name">[]): CameraNames {
  return new Map(cameras.map(({ id, name }) => [id, spoken(name)]));
}

/** A camera's name, the same everywhere; of its id, where it has none that is known. */
export function nameOf(id: string, names: CameraNames): string {
  return names.get(id) ?? spoken(id);
}
