import { Check, type LucideIcon, Monitor, Moon, Sun } from "lucide-react";
import { useId } from "react";
import { texts } from "../texts";
import { chooseTheme, THEMES, type Theme, useTheme } from "../theme";

const words = texts.page.colours;
const ICONS: Readonly<Record<Theme, LucideIcon>> = { system: Monitor, light: Sun, dark: Moon };

/** Light, dark, or as the system has it: for this device. */
export function ThemeMenu() {
  const chosen = useTheme();
  const id = useId();
  const Icon = ICONS[chosen];
  return (
    <>
      <button
        type="button"
        popoverTarget={id}
        aria-label={words.name}
        className="rounded p-2 text-muted hover:text-ink"
      >
        <Icon aria-hidden className="size-5" />
      </button>
      <section
        id={id}
        popover="auto"
        aria-label={words.name}
        className="inset-auto top-12 right-2 w-52 rounded-xl border border-line bg-card p-1.5 text-ink text-sm shadow-lg"
      >
        <fieldset>
          <legend className="sr-only">{words.name}</legend>
          {THEMES.map((one) => (
            <Choice key={one} theme={one} isChosen={one === chosen} />
          ))}
        </fieldset>
      </section>
    </>
  );
}

function Choice({ theme, isChosen }: { theme: Theme; isChosen: boolean }) {
  const Icon = ICONS[theme];
  return (
    <label className="relative flex items-center gap-3 rounded-lg px-3 py-2 hover:bg-raised has-focus-visible:outline-2 has-focus-visible:outline-data-ink">
      <input
        type="radio"
        name="theme"
        checked={isChosen}
        onChange={() => chooseTheme(theme)}
        className="absolute inset-0 cursor-pointer opacity-0"
      />
      <Icon aria-hidden className="size-4 text-muted" />
      {words[theme]}
      {isChosen && <Check aria-hidden className="ml-auto size-4 text-good-ink" />}
    </label>
  );
}
