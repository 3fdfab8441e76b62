/** How the controls of a list look. Whole class names, for Tailwind. */

export const CONTROL =
  "min-h-9 rounded border border-line bg-card px-2.5 py-1.5 text-ink hover:bg-raised focus-within:outline-2 focus-within:outline-data-ink";
