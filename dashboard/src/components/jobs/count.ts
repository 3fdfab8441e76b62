import { whole } from "../../format";
import { texts } from "../../texts";

export { whole };

/** So many lines: "1 line", "12,345 lines". Pure. */
export function linesIn(value: number): string {
  return texts.jobs.lines(value, whole(value));
}
