import {
  ChevronLeft,
  ChevronRight,
  Download,
  type LucideIcon,
  Radio,
  ZoomIn,
  ZoomOut,
} from "lucide-react";
import { texts } from "../../texts";
import { pressed, type TimeControl } from "./gestures";

const words = texts.performance.tools;

/** What each button does is what a key does. */
const BUTTONS: readonly { name: string; key: string; Icon: LucideIcon }[] = [
  { name: words.earlier, key: "ArrowLeft", Icon: ChevronLeft },
  { name: words.later, key: "ArrowRight", Icon: ChevronRight },
  { name: words.zoomIn, key: "+", Icon: ZoomIn },
  { name: words.zoomOut, key: "-", Icon: ZoomOut },
];

const BUTTON =
  "flex h-8 items-center gap-1.5 rounded-md px-2 text-muted text-sm hover:bg-raised hover:text-ink disabled:opacity-50";

interface TimeToolsProps {
  readonly control: TimeControl;
  /** Whether what is new is followed. */
  readonly isLive: boolean;
  readonly save: () => void;
}

/** What gestures do to the charts, as buttons for who makes none. */
export function TimeTools({ control, isLive, save }: TimeToolsProps) {
  return (
    <div
      role="toolbar"
      aria-label={words.name}
      className="flex items-center rounded-lg border border-line p-0.5"
    >
      {BUTTONS.map(({ name, key, Icon }) => (
        <button
          key={key}
          type="button"
          aria-label={name}
          title={name}
          onClick={() => pressed(key, control)}
          className={BUTTON}
        >
          <Icon aria-hidden className="size-4" />
        </button>
      ))}
      <button
        type="button"
        aria-pressed={isLive}
        onClick={() => control.reset()}
        className={`${BUTTON} aria-pressed:text-good-ink`}
      >
        <Radio aria-hidden className="size-4" />
        {words.live}
      </button>
      <button
        type="button"
        aria-label={words.csv}
        title={words.csv}
        onClick={save}
        className={BUTTON}
      >
        <Download aria-hidden className="size-4" />
      </button>
    </div>
  );
}
