import type { Camera } from "@hsi/realtime";
import { ChevronDown } from "lucide-react";
import { useEffect, useId, useRef } from "react";
import { byName, spoken } from "../../format";
import { texts } from "../../texts";
import { CONTROL } from "./classes";

const words = texts.events.filters;

interface Props {
  readonly cameras: readonly Camera[];
  readonly chosen: readonly string[];
  readonly choose: (ids: readonly string[]) => void;
}

/** Of which cameras events are shown. */
export function CameraChoice({ cameras, chosen, choose }: Props) {
  const id = useId();
  const details = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    const close = (event: Event) => {
      const { current } = details;
      if (!current?.open) return;
      if (event instanceof KeyboardEvent && event.key !== "Escape") return;
      const isInside = event.target instanceof Node && current.contains(event.target);
      if (isInside && event.type === "pointerdown") return;
      current.open = false;
      if (isInside) current.querySelector("summary")?.focus();
    };
    document.addEventListener("pointerdown", close);
    document.addEventListener("keydown", close);
    return () => {
      document.removeEventListener("pointerdown", close);
      document.removeEventListener("keydown", close);
    };
  }, []);
  const names = new Map(cameras.map((camera) => [camera.id, spoken(camera.name)]));
  // Those of the address, too, that nobody knows here.
  for (const one of chosen) if (!names.has(one)) names.set(one, spoken(one));
  const all = [...names].sort(([, one], [, other]) => byName(one, other));
  return (
    <div className="flex flex-col gap-1">
      <span id={`${id}-name`} className="text-muted text-xs">
        {words.cameras}
      </span>
      <details ref={details} className="relative [&[open]>summary>svg]:rotate-180">
        <summary
          aria-labelledby={`${id}-name ${id}-chosen`}
          className={`flex max-w-56 cursor-pointer list-none items-center gap-2 [&::-webkit-details-marker]:hidden ${CONTROL}`}
        >
          <span id={`${id}-chosen`} className="truncate">
            {summaryOf(chosen, names)}
          </span>
          <ChevronDown aria-hidden className="ml-auto size-4 shrink-0" />
        </summary>
        <fieldset className="absolute z-20 mt-1 max-h-72 w-64 max-w-[calc(100vw-2rem)] overflow-y-auto rounded-lg border border-line bg-card p-2 shadow-lg">
          <legend className="sr-only">{words.cameras}</legend>
          {all.length === 0 && <p className="p-1 text-muted">{words.noCameras}</p>}
          {all.map(([camera, name]) => (
            <label key={camera} className="flex items-center gap-2 rounded p-1.5 hover:bg-raised">
              <input
                type="checkbox"
                checked={chosen.includes(camera)}
                onChange={({ target }) =>
                  choose(
                    target.checked
                      ? [...chosen, camera].sort()
                      : chosen.filter((one) => one !== camera),
                  )
                }
              />
              <bdi className="min-w-0 truncate" title={camera}>
                {name}
              </bdi>
            </label>
          ))}
        </fieldset>
      </details>
    </div>
  );
}

function summaryOf(chosen: readonly string[], names: ReadonlyMap<string, string>): string {
  const [first] = chosen;
  if (first === undefined) return words.allCameras;
  return chosen.length === 1
    ? (names.get(first) ?? first)
    : words.someCameras(String(chosen.length));
}
