/** How the dialogs and their buttons look. Whole class names, for Tailwind. */

export const DIALOG =
  "m-auto w-[min(26rem,calc(100vw-2rem))] rounded-xl border border-line bg-card p-6 text-ink backdrop:bg-black/70";

export const TITLE = "flex items-center gap-2 font-semibold text-lg";

export const MAIN_BUTTON =
  "rounded bg-good px-4 py-2 font-semibold text-ground hover:brightness-110 disabled:opacity-60";

export const BUTTON =
  "flex items-center justify-center gap-2 rounded border border-line px-3 py-2 hover:bg-raised disabled:opacity-60";

export const FIELD = "rounded border border-line bg-ground px-3 py-2 text-ink";
