import { timeOf, useEventStream } from "@hsi/realtime";
import { memo, useState } from "react";
import { type Area, areasOf, FEW, shownOf } from "../../cameraView";
import { read, write } from "../../deviceStorage";
import { isolated, spoken } from "../../format";
import { texts } from "../../texts";
import { CAMERA_TONES } from "../../tones";
import { useWatched, type Watched } from "../../watched";
import { LastEvent } from "../events/LastEvent";
import { Ago, Card, Empty, Failure, ToneIcon } from "../parts";
import { TONE_CLASSES } from "../toneClasses";
import { CompactTile } from "./CompactTile";

const words = texts.dashboard.cameras;

const ONLY_WITH_EVENTS = "hsi.cameras-with-events";

/** One tile per camera: whether it works, and what it saw last. */
export function CameraTiles() {
  const { watched, isLoading, error } = useWatched();
  const { isAnswered } = useEventStream();
  const [onlyWithEvents, setOnlyWithEvents] = useState(() => read(ONLY_WITH_EVENTS) === "yes");
  const isMany = watched.length > FEW;
  const shown = shownOf(watched, isMany && onlyWithEvents);
  const choose = (on: boolean) => {
    setOnlyWithEvents(on);
    write(ONLY_WITH_EVENTS, on ? "yes" : "no");
  };
  return (
    <Card
      title={words.title}
      aside={isMany && <OnlyWithEvents isOn={onlyWithEvents} choose={choose} />}
      className="xl:min-h-[28rem]"
    >
      {error && <Failure what={words.cannotBeRead} why={error.message} />}
      {watched.length === 0 && !error && (
        <Empty title={isLoading ? words.waiting : words.none}>{words.explained}</Empty>
      )}
      {watched.length > 0 && shown.length === 0 && <Empty title={words.noneWithEvents} />}
      {shown.length > 0 && (
        // Many are as high as what stands beside them; a few are all in sight.
        <div className="relative -m-2 min-h-0 xl:flex-1">
          <section
            aria-label={words.list}
            // Many scroll, by keyboard too.
            tabIndex={isMany ? 0 : undefined}
            className={`p-2 ${isMany ? "overflow-y-auto xl:absolute xl:inset-0" : ""}`}
          >
            <Areas areas={areasOf(shown)} isMany={isMany} isAnswered={isAnswered} />
          </section>
        </div>
      )}
    </Card>
  );
}

interface AreasProps {
  readonly areas: readonly Area[];
  readonly isMany: boolean;
  readonly isAnswered: boolean;
}

/** The tiles, below the name of their area where there is one. */
function Areas({ areas, isMany, isAnswered }: AreasProps) {
  const isGrouped = areas.some(({ name }) => name !== null);
  const level = isGrouped ? "h4" : "h3";
  return areas.map(({ name, cameras }) => (
    <div key={name} className="not-first:mt-4">
      {isGrouped && (
        <h3 className="mb-2 truncate text-muted text-xs" title={isolated(name ?? words.noArea)}>
          <bdi>{name ?? words.noArea}</bdi>
        </h3>
      )}
      {isMany ? (
        <ul className="grid grid-cols-[repeat(auto-fill,minmax(9rem,1fr))] gap-2 min-[120rem]:grid-cols-[repeat(auto-fill,minmax(11rem,1fr))]">
          {cameras.map(({ camera, last }) => (
            <CompactTile key={camera.id} camera={camera} last={last} level={level} />
          ))}
        </ul>
      ) : (
        <ul className="grid auto-rows-min grid-cols-[repeat(auto-fill,minmax(min(15rem,100%),1fr))] gap-3">
          {cameras.map((one) => (
            <Tile key={one.camera.id} {...one} isAnswered={isAnswered} level={level} />
          ))}
        </ul>
      )}
    </div>
  ));
}

interface OnlyWithEventsProps {
  readonly isOn: boolean;
  readonly choose: (on: boolean) => void;
}

function OnlyWithEvents({ isOn, choose }: OnlyWithEventsProps) {
  return (
    <button
      type="button"
      role="switch"
      aria-checked={isOn}
      onClick={() => choose(!isOn)}
      className="group flex items-center gap-2 rounded text-muted text-xs hover:text-ink"
    >
      {words.onlyWithEvents}
      <span
        aria-hidden
        className="flex h-4 w-7 rounded-full border border-faint p-px group-aria-checked:justify-end group-aria-checked:border-good group-aria-checked:bg-good"
      >
        <span className="h-full w-3 rounded-full bg-faint group-aria-checked:bg-card" />
      </span>
    </button>
  );
}

const Tile = memo(function Tile({
  camera,
  last,
  picture,
  isAnswered,
  level: Heading,
}: Watched & { isAnswered: boolean; level: "h3" | "h4" }) {
  const tone = CAMERA_TONES[camera.status];
  const seenAt = timeOf(camera.last_seen_at);
  return (
    <li className="relative flex min-w-0 flex-col justify-between gap-3 rounded-lg border border-line bg-ground p-3">
      <div className="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-2">
        <Heading className="truncate font-medium" title={isolated(camera.name)}>
          <bdi>{spoken(camera.name)}</bdi>
        </Heading>
        <span className={`flex shrink-0 items-center gap-1 text-xs ${TONE_CLASSES[tone].ink}`}>
          <ToneIcon tone={tone} className="size-4" />
          {words.states[camera.status]}
        </span>
        {camera.status !== "online" && seenAt !== null && (
          <p className="text-muted text-xs">
            {words.lastSeen} <Ago time={seenAt} />
          </p>
        )}
      </div>
      <LastEvent last={last} picture={picture} isAnswered={isAnswered} />
    </li>
  );
});
