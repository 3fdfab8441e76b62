import {
  type GpuDevice,
  type GpuStatus,
  useLatestPerformance,
  useSystemStatus,
} from "@hsi/realtime";
import { fixed, UNKNOWN } from "../../format";
import { heatTone } from "../../verdicts";
import { Card, Empty, Figure, Meter } from "../parts";

const MIB_PER_GIB = 1024;
const NOT_KNOWN: readonly GpuDevice[] = [];

/** The GPU in brief, and the others where there are more. */
export function GPUStats() {
  const { status } = useSystemStatus();
  const { current } = useLatestPerformance();
  const gpu = status?.gpu;
  if (gpu) return <GpuCard gpu={gpu} others={current?.gpus?.slice(1) ?? NOT_KNOWN} />;
  return (
    <Card title="GPU">
      <Empty title={status ? "No GPU can be read" : "Waiting for a status"}>
        {status && "NVML tells of it, here or beside the collector; else what yolo26 says."}
      </Empty>
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
      title="GPU"
      aside={
        <span className="truncate text-muted text-xs">
          {gpu.name ?? "unknown model"}
          {gpu.source && `, told by ${gpu.source === "yolo26" ? "yolo26" : "the collector"}`}
        </span>
      }
    >
      <div className="flex flex-col gap-3">
        <Meter
          name="Utilization"
          value={gpu.utilization}
          text={gpu.utilization === null ? UNKNOWN : `${fixed(gpu.utilization)} %`}
          color="bg-good"
        />
        <Meter
          name="Memory"
          value={total === null ? null : used}
          max={total ?? 100}
          text={memory(used, total)}
          color="bg-ai"
        />
        <dl className="grid grid-cols-2 gap-3">
          <Figure
            name="Temperature"
            value={fixed(gpu.temperature)}
            unit="°C"
            tone={heatTone(gpu.temperature)}
          />
          <Figure name="Power" value={fixed(gpu.power_usage)} unit="W" />
        </dl>
        {others.length > 0 && (
          <ul aria-label="Other GPUs" className="flex flex-col gap-2 border-line border-t pt-3">
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
        GPU {index}
        {name !== null && ` ${name}`}
      </span>
      <span className="figure">
        {known
          ? [memory(used, total), inUnit(utilization, "%"), inUnit(temperature, "°C")].join(", ")
          : "cannot be read"}
      </span>
    </li>
  );
}

function inUnit(value: number | null, unit: string): string {
  return value === null ? UNKNOWN : `${fixed(value)} ${unit}`;
}

function memory(used: number | null, total: number | null): string {
  if (used === null) return UNKNOWN;
  return total === null ? `${fixed(used, 1)} GB` : `${fixed(used, 1)} of ${fixed(total, 1)} GB`;
}
