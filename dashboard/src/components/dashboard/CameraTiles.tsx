import { timeOf, useEventStream } from "@hsi/realtime";
import { spoken } from "../../format";
import { CAMERA_TONES } from "../../tones";
import { useWatched, type Watched } from "../../watched";
import { Ago, Card, Empty, Failure, ToneIcon } from "../parts";
import { TONE_CLASSES } from "../toneClasses";
import { Risk } from "./Risk";

/** One tile per camera: whether it works, and what it saw last. */
export function CameraTiles() {
  const { watched, isLoading, error } = useWatched();
  return (
    <Card title="Cameras">
      {error && <Failure what="The list of cameras cannot be read" why={error.message} />}
      {watched.length === 0 && !error && (
        <Empty title={isLoading ? "Waiting for the list of cameras" : "No cameras yet"}>
          Cameras appear here once they are set up, or once one of them sees something.
        </Empty>
      )}
      <ul className="grid flex-1 auto-rows-[minmax(min-content,12rem)] grid-cols-1 content-start gap-3 sm:grid-cols-2 2xl:grid-cols-3">
        {watched.map((one) => (
          <Tile key={one.camera.id} {...one} />
        ))}
      </ul>
    </Card>
  );
}

function Tile({ camera, last }: Watched) {
  const { isAnswered } = useEventStream();
  const tone = CAMERA_TONES[camera.status];
  const seenAt = timeOf(camera.last_seen_at);
  return (
    <li className="flex min-w-0 flex-col justify-between gap-3 rounded-lg border border-line bg-ground p-3">
      <div className="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-2">
        <h3 className="truncate font-medium" title={camera.name}>
          {spoken(camera.name)}
        </h3>
        <span className={`flex shrink-0 items-center gap-1 text-xs ${TONE_CLASSES[tone].ink}`}>
          <ToneIcon tone={tone} className="size-4" />
          {camera.status}
        </span>
        {camera.status !== "online" && seenAt !== null && (
          <p className="text-muted text-xs">
            last seen <Ago time={seenAt} />
          </p>
        )}
      </div>
      <div className="flex h-15 items-center gap-3">
        {last ? (
          <>
            <Risk event={last} />
            <div className="min-w-0">
              <p className="line-clamp-2 text-sm leading-snug" title={last.summary}>
                {last.summary}
              </p>
              <p className="text-muted text-xs">
                <Ago time={last.arrivedAt} />
              </p>
            </div>
          </>
        ) : (
          <p className="text-muted text-sm">
            {isAnswered ? "No recent event" : "Waiting for events"}
          </p>
        )}
      </div>
    </li>
  );
}
