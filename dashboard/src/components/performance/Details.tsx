import type { ContainerMetrics, PerformanceUpdateData } from "@hsi/realtime";
import { compact, fixed, UNKNOWN } from "../../format";
import { healthTone } from "../../tones";
import { Card, Empty, Figure, ToneIcon } from "../parts";
import { TONE_CLASSES } from "../toneClasses";

function Health({ health }: { health: string | undefined }) {
  const tone = healthTone(health);
  return (
    <span className={`flex items-center gap-1 text-xs ${TONE_CLASSES[tone].ink}`}>
      <ToneIcon tone={tone} className="size-4" />
      {health ?? "not known"}
    </span>
  );
}

/** What the charts do not show: models, databases and containers as they are now. */
export function Details({ figures }: { figures: Readonly<Partial<PerformanceUpdateData>> | null }) {
  const { yolo26, nemotron } = figures?.ai_models ?? {};
  const { postgresql, redis } = figures?.databases ?? {};
  return (
    <div className="grid gap-3 sm:grid-cols-2 sm:gap-4 xl:grid-cols-4">
      <Card title="yolo26" aside={<Health health={yolo26?.status} />}>
        <dl className="grid grid-cols-2 gap-3">
          <Figure name="VRAM" value={fixed(yolo26?.vram_gb, 1)} unit="GB" />
          <Figure name="Device" value={yolo26?.device ?? UNKNOWN} />
        </dl>
        <p className="mt-2 truncate text-muted text-xs">{yolo26?.model ?? "unknown model"}</p>
      </Card>
      <Card title="nemotron" aside={<Health health={nemotron?.status} />}>
        <dl className="grid grid-cols-2 gap-3">
          <Figure
            name="Slots at work"
            value={`${fixed(nemotron?.slots_active)} of ${fixed(nemotron?.slots_total)}`}
          />
          <Figure name="Context" value={compact(nemotron?.context_size)} unit="tokens" />
        </dl>
      </Card>
      <Card title="PostgreSQL" aside={<Health health={postgresql?.status} />}>
        <dl className="grid grid-cols-2 gap-3">
          <Figure
            name="Connections"
            value={`${fixed(postgresql?.connections_active)} of ${fixed(postgresql?.connections_max)}`}
          />
          <Figure name="Cache hits" value={fixed(postgresql?.cache_hit_ratio, 1)} unit="%" />
        </dl>
      </Card>
      <Card title="Redis" aside={<Health health={redis?.status} />}>
        <dl className="grid grid-cols-3 gap-3">
          <Figure name="Clients" value={fixed(redis?.connected_clients)} />
          <Figure name="Blocked" value={fixed(redis?.blocked_clients)} />
          <Figure name="Hits" value={fixed(redis?.hit_ratio, 1)} unit="%" />
        </dl>
      </Card>
      <Containers containers={figures?.containers ?? []} known={figures !== null} />
    </div>
  );
}

interface ContainersProps {
  readonly containers: readonly ContainerMetrics[];
  readonly known: boolean;
}

function Containers({ containers, known }: ContainersProps) {
  return (
    <Card title="Containers" className="sm:col-span-2 xl:col-span-4">
      {containers.length === 0 ? (
        <Empty title={known ? "No containers" : "Waiting for figures"}>
          {known && "Name them in CONTAINERS of the collector."}
        </Empty>
      ) : (
        <ul className="grid gap-x-8 gap-y-2 sm:grid-cols-2 xl:grid-cols-4">
          {containers.map(({ name, status, health }) => (
            <li key={name} className="flex items-center justify-between gap-2 text-sm">
              <span className="truncate">
                {name} <span className="text-muted text-xs">{status}</span>
              </span>
              <Health health={health} />
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
