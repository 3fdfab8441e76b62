import {
  type GpuDevice,
  type GpuStatus,
  useLatestPerformance,
  useSystemStatus,
} from "@hsi/realtime";
import { fixed, UNKNOWN } from "../../format";
import { texts } from "../../texts";
import { heatTone } from "../../verdicts";
import { Card, Empty, Figure, Meter } from "../parts";

const words = texts.dashboard.gpu;

const MIB_PER_GIB = 1024;
const NOT_KNOWN: readonly GpuDevice[] = [];

/** The GPU in brief, and the others where there are more. */
export function GPUStats() {
  const { status } = useSystemStatus();
  const { current } = useLatestPerformance();
  const gpu = status?.gpu;
  if (gpu) return <GpuCard gpu={gpu} others={current?.gpus?.slice(1) ?? NOT_KNOWN} />;
  return (
    <Card title={words.title}>
      <Empty title={status ? words.none : words.waiting}>{status && words.explained}</Empty>
    </Card>
  );
}

interface GpuCardProps {
  /** The first one. */
  readonly gpu: GpuStatus;
  readonly others: readonly GpuDevice[];
}

/** Whose figures they are, how full the memory is, and how hard it all works. */
export function GpuCard({ gpu, others }: GpuCardProps) {
  const used = gpu.memory_used === null ? null : gpu.memory_used / MIB_PER_GIB;
  const total = gpu.memory_total === null ? null : gpu.memory_total / MIB_PER_GIB;
  return (
    <Card
      title={words.title}
      aside={
        <span className="truncate text-muted text-xs">
          <bdi>{gpu.name ?? words.unknownModel}</bdi>
          {gpu.source && words.toldBy(gpu.source === "yolo26" ? "yolo26" : words.collector)}
        </span>
      }
    >
      <div className="flex flex-col gap-3">
        <Meter
          name={words.utilization}
          value={gpu.utilization}
          text={gpu.utilization === null ? UNKNOWN : `${fixed(gpu.utilization)} %`}
          color="bg-good"
        />
        <Meter
          name={words.memory}
          value={total === null ? null : used}
          max={total ?? 100}
          text={memory(used, total)}
          color="bg-ai"
        />
        <dl className="grid grid-cols-2 gap-3">
          <Figure
            name={words.temperature}
            value={fixed(gpu.temperature)}
            unit="°C"
            tone={heatTone(gpu.temperature)}
          />
          <Figure name={words.power} value={fixed(gpu.power_usage)} unit="W" />
        </dl>
        {others.length > 0 && (
          <ul aria-label={words.others} className="flex flex-col gap-2 border-line border-t pt-3">
            {others.map((other) => (
              <OtherGpu key={other.index} gpu={other} />
            ))}
          </ul>
        )}
      </div>
    </Card>
  );
}

function OtherGpu({ gpu }: { gpu: GpuDevice }) {
  const { index, name, vram_used_gb: used, vram_total_gb: total, utilization, temperature } = gpu;
  const known = [name, used, total, utilization, temperature].some((value) => value !== null);
  return (
    <li className="flex flex-wrap justify-between gap-x-3 text-sm">
      <span className="truncate text-muted">
        {words.number(index)}
        {name !== null && (
          <>
            {" "}
            <bdi>{name}</bdi>
          </>
        )}
      </span>
      <span className="figure">
        {known
          ? [memory(used, total), inUnit(utilization, "%"), inUnit(temperature, "°C")].join(", ")
          : words.cannotBeRead}
      </span>
    </li>
  );
}

function inUnit(value: number | null, unit: string): string {
  return value === null ? UNKNOWN : `${fixed(value)} ${unit}`;
}

function memory(used: number | null, total: number | null): string {
  if (used === null) return UNKNOWN;
  const text = fixed(used, 1);
  return total === null ? words.used(text) : words.usedOf(text, fixed(total, 1));
}
