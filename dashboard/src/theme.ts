/** The colours of the theme (styles.css): which are in use, and what they are for a canvas. */

import { useSyncExternalStore } from "react";
import { read, write } from "./deviceStorage";

const COLORS = ["good", "data", "ai", "bad", "warn", "muted", "faint", "line"] as const;

export type ThemeColor = (typeof COLORS)[number];

/** What a person chose on this device; `system` is what the system has. */
export type Theme = "system" | "light" | "dark";

export const THEMES: readonly Theme[] = ["system", "light", "dark"];

/** What is to be seen. */
export type Scheme = "light" | "dark";

/** Also known to public/theme.js, which reads it before anything is drawn. */
const STORED = "hsi.theme";

const listeners = new Set<() => void>();
const systemLight = globalThis.matchMedia?.("(prefers-color-scheme: light)");
systemLight?.addEventListener("change", tell);
// Another tab has chosen.
globalThis.addEventListener?.("storage", ({ key }) => {
  if (key === STORED) apply();
});

/** What this device has chosen. */
export function theme(): Theme {
  const stored = read(STORED);
  return THEMES.find((one) => one === stored) ?? "system";
}

export function chooseTheme(chosen: Theme): void {
  write(STORED, chosen);
  apply();
}

/** Whether it is light or dark now. */
export function scheme(): Scheme {
  const chosen = theme();
  if (chosen !== "system") return chosen;
  return systemLight?.matches ? "light" : "dark";
}

/** Whether it is light or dark now; what is drawn on a canvas has to be drawn again with it. */
export function useScheme(): Scheme {
  return useSyncExternalStore(subscribe, scheme);
}

export function useTheme(): Theme {
  return useSyncExternalStore(subscribe, theme);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}

function apply(): void {
  const chosen = theme();
  if (chosen === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
  for (const meta of document.querySelectorAll<HTMLMetaElement>("meta[name=theme-color]")) {
    const color = chosen === "system" ? meta.dataset.system : chosen;
    meta.content = meta.dataset[color ?? "dark"] ?? meta.content;
  }
  tell();
}

function tell(): void {
  for (const listener of [...listeners]) listener();
}

/** For CSS. */
export function cssColor(name: ThemeColor): string {
  return `var(--color-${name})`;
}

/** As it is now, for a canvas, which knows no variables. */
export function canvasColor(name: ThemeColor): string {
  register();
  return getComputedStyle(document.documentElement).getPropertyValue(`--color-${name}`).trim();
}

let registered = false;

/** Make the variables colours: until then, their value is the text `light-dark(…)`. */
function register(): void {
  if (registered || !("registerProperty" in CSS)) return;
  registered = true;
  for (const name of COLORS) {
    CSS.registerProperty({
      name: `--color-${name}`,
      syntax: "<color>",
      inherits: true,
      initialValue: "gray",
    });
  }
}
