import { useLatestPerformance, useSystemStatus } from "@hsi/realtime";
import { byName, isolated } from "../../format";
import { texts } from "../../texts";
import { healthTone } from "../../tones";
import { Card, Empty, ToneIcon } from "../parts";
import { TONE_CLASSES } from "../toneClasses";

const words = texts.dashboard.services;

/** How each service is. */
export function HealthIndicators() {
  const { status, changes } = useSystemStatus();
  const { current } = useLatestPerformance();
  const postgresql = current?.databases?.postgresql?.status;
  const services = Object.entries({
    ...status?.services,
    ...(postgresql ? { postgresql } : {}),
  }).sort(([one], [other]) => byName(one, other));
  return (
    <Card title={words.title}>
      {services.length === 0 && <Empty title={status ? words.none : words.waiting} />}
      <ul className="grid gap-x-6 gap-y-2 sm:grid-cols-[repeat(auto-fill,minmax(12rem,1fr))]">
        {services.map(([name, health]) => {
          const tone = healthTone(health);
          const why = health === "healthy" ? undefined : changes.get(name)?.message;
          return (
            <li key={name} className="flex items-center gap-2 text-sm">
              <ToneIcon tone={tone} className="size-4" />
              <bdi className="truncate">{name}</bdi>
              <span
                className={`ml-auto truncate ${TONE_CLASSES[tone].ink}`}
                title={why && isolated(why)}
              >
                {health}
              </span>
            </li>
          );
        })}
      </ul>
    </Card>
  );
}
