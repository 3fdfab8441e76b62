import { cssColor, type ThemeColor } from "../../theme";

interface Entry {
  readonly name: string;
  readonly color: ThemeColor;
  /** The value. */
  readonly text: string;
  readonly peak: string;
  readonly limit: string;
}

interface LegendProps {
  readonly entries: readonly Entry[];
  readonly hidden: ReadonlySet<string>;
  readonly toggle: (name: string) => void;
}

/** The lines of a chart with their values; each is a button that shows or hides its line. */
export function Legend({ entries, hidden, toggle }: LegendProps) {
  return (
    <ul className="mt-2 flex flex-wrap gap-x-4 gap-y-1 text-xs">
      {entries.map(({ name, color, text, peak, limit }) => (
        <li key={name} className="flex items-center gap-1.5">
          <button
            type="button"
            aria-pressed={!hidden.has(name)}
            onClick={() => toggle(name)}
            className="flex min-h-6 items-center gap-1.5 rounded text-muted hover:text-ink aria-[pressed=false]:line-through"
          >
            <span
              aria-hidden
              className={`h-0.5 w-3 ${hidden.has(name) ? "opacity-25" : ""}`}
              style={{ backgroundColor: cssColor(color) }}
            />
            {name}
          </button>
          {!hidden.has(name) && (
            <>
              <span className="figure min-w-[5ch]">{text}</span>
              {peak && <span className="figure text-muted">{peak}</span>}
              {limit && <span className="figure text-muted">{limit}</span>}
            </>
          )}
        </li>
      ))}
    </ul>
  );
}
