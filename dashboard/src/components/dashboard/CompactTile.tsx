import { memo } from "react";
import { isolated, spoken } from "../../format";
import { texts } from "../../texts";
import { CAMERA_TONES, RISK_TONES } from "../../tones";
import type { Watched } from "../../watched";
import { OpensUnseen } from "../events/EventLink";
import { Ago, ToneIcon } from "../parts";
import { TONE_CLASSES } from "../toneClasses";

const words = texts.dashboard;

/** A camera among many: its name, whether it works, and how grave its last event was and when. */
export const CompactTile = memo(function CompactTile({
  camera,
  last,
  level: Heading,
}: Pick<Watched, "camera" | "last"> & { level: "h3" | "h4" }) {
  const tone = CAMERA_TONES[camera.status];
  const risk = last?.riskLevel ?? null;
  return (
    <li
      className="relative flex min-w-0 flex-col gap-1 rounded-lg border border-line bg-ground p-2"
      title={last ? isolated(last.summary) : undefined}
    >
      <div className="flex items-center gap-1.5">
        <Heading className="min-w-0 flex-1 truncate font-medium text-sm">
          <bdi>{spoken(camera.name)}</bdi>
        </Heading>
        <ToneIcon tone={tone} className="size-4" />
        <span className="sr-only">{words.cameras.states[camera.status]}</span>
      </div>
      <p className="flex h-5 items-center justify-between gap-1 text-muted text-xs">
        {last ? (
          <>
            <span
              className={`rounded px-1.5 leading-5 ${
                TONE_CLASSES[risk ? RISK_TONES[risk] : "unknown"].badge
              }`}
            >
              {risk ? words.risk.levels[risk] : words.risk.unknown}
            </span>
            <Ago time={last.arrivedAt} />
            <OpensUnseen event={last} />
          </>
        ) : (
          camera.status !== "online" && words.cameras.states[camera.status]
        )}
      </p>
      {/* There is room for it on a wall. */}
      <p className="min-h-[1lh] truncate text-xs max-[120rem]:sr-only">
        <bdi>{last?.summary}</bdi>
      </p>
    </li>
  );
});
