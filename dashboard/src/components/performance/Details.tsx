import type { ContainerMetrics, PerformanceUpdateData } from "@hsi/realtime";
import { compact, fixed, UNKNOWN } from "../../format";
import { texts } from "../../texts";
import { healthTone } from "../../tones";
import { Card, Empty, Figure, ToneIcon } from "../parts";
import { TONE_CLASSES } from "../toneClasses";

const words = texts.performance.details;

function Health({ health }: { health: string | undefined }) {
  const tone = healthTone(health);
  return (
    <span className={`flex items-center gap-1 text-xs ${TONE_CLASSES[tone].ink}`}>
      <ToneIcon tone={tone} className="size-4" />
      {health ?? words.unknownHealth}
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
          <Figure name={words.vram} value={fixed(yolo26?.vram_gb, 1)} unit="GB" />
          <Figure name={words.device} value={yolo26?.device ?? UNKNOWN} />
        </dl>
        <p className="mt-2 truncate text-muted text-xs">
          <bdi>{yolo26?.model ?? words.unknownModel}</bdi>
        </p>
      </Card>
      <Card title="nemotron" aside={<Health health={nemotron?.status} />}>
        <dl className="grid grid-cols-2 gap-3">
          <Figure
            name={words.slots}
            value={words.of(fixed(nemotron?.slots_active), fixed(nemotron?.slots_total))}
          />
          <Figure
            name={words.context}
            value={compact(nemotron?.context_size)}
            unit={words.tokens}
          />
        </dl>
      </Card>
      <Card title="PostgreSQL" aside={<Health health={postgresql?.status} />}>
        <dl className="grid grid-cols-2 gap-3">
          <Figure name={words.queriesNow} value={fixed(postgresql?.connections_active)} />
          <Figure name={words.connectionsMost} value={fixed(postgresql?.connections_max)} />
          <Figure name={words.cacheHits} value={fixed(postgresql?.cache_hit_ratio, 1)} unit="%" />
        </dl>
      </Card>
      <Card title="Redis" aside={<Health health={redis?.status} />}>
        <dl className="grid grid-cols-3 gap-3">
          <Figure name={words.clients} value={fixed(redis?.connected_clients)} />
          <Figure name={words.blocked} value={fixed(redis?.blocked_clients)} />
          <Figure name={words.hits} value={fixed(redis?.hit_ratio, 1)} unit="%" />
        </dl>
      </Card>
      <Containers containers={figures?.containers} />
    </div>
  );
}

interface ContainersProps {
  /** Undefined until figures came: nobody has said yet that there are none. */
  readonly containers: readonly ContainerMetrics[] | undefined;
}

export function Containers({ containers }: ContainersProps) {
  return (
    <Card title={words.containers} className="sm:col-span-2 xl:col-span-4">
      {containers === undefined ? (
        <Empty title={words.waiting} />
      ) : containers.length === 0 ? (
        <Empty title={words.noContainers}>{words.nameThem}</Empty>
      ) : (
        <ul className="grid gap-x-8 gap-y-2 sm:grid-cols-2 xl:grid-cols-4">
          {containers.map(({ name, status, health }) => (
            <li key={name} className="flex items-center justify-between gap-2 text-sm">
              <span className="truncate">
                <bdi>{name}</bdi> <bdi className="text-muted text-xs">{status}</bdi>
              </span>
              <Health health={health} />
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
