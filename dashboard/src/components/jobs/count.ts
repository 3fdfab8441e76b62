const WHOLE = new Intl.NumberFormat("en");

/** A number with its thousands apart: "12,345". Pure. */
export function whole(value: number): string {
  return WHOLE.format(value);
}

/** So many lines: "1 line", "12,345 lines". Pure. */
export function linesIn(value: number): string {
  return `${whole(value)} ${value === 1 ? "line" : "lines"}`;
}
