import { usePerformance, useSystemStatus } from "../../realtime";
import { Card, Empty, INK, type Tone, ToneIcon } from "../parts";

const TONES: Readonly<Record<string, Tone>> = {
  healthy: "good",
  degraded: "warn",
  unhealthy: "bad",
  unreachable: "bad",
};

/** How each service is. */
export function HealthIndicators() {
  const { status, changes } = useSystemStatus();
  const { current } = usePerformance();
  const postgresql = current?.databases.postgresql?.status;
  const services = Object.entries({
    ...status?.services,
    ...(postgresql ? { postgresql } : {}),
  }).sort(([one], [other]) => one.localeCompare(other));
  return (
    <Card title="Services">
      {services.length === 0 && <Empty title="Waiting for a status" />}
      <ul className="grid gap-x-6 gap-y-2 sm:grid-cols-2">
        {services.map(([name, health]) => {
          const tone = TONES[health] ?? "unknown";
          const why = health === "healthy" ? undefined : changes.get(name)?.message;
          return (
            <li key={name} className="flex items-center gap-2 text-sm">
              <ToneIcon tone={tone} className="size-4" />
              <span className="truncate">{name}</span>
              <span className={`ml-auto truncate ${INK[tone]}`} title={why}>
                {health}
              </span>
            </li>
          );
        })}
      </ul>
    </Card>
  );
}
