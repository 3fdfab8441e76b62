/** The colours of the theme (styles.css) by their names, for what is drawn without classes. */

export type ThemeColor = "good" | "data" | "ai" | "bad" | "warn" | "muted" | "faint" | "line";

/** For CSS. */
export function cssColor(name: ThemeColor): string {
  return `var(--color-${name})`;
}

/** As it is now, for a canvas, which knows no variables. */
export function canvasColor(name: ThemeColor): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--color-${name}`).trim();
}
