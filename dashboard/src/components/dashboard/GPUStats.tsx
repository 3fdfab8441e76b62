import { useSystemStatus } from "@hsi/realtime";
import { fixed, UNKNOWN } from "../../format";
import { heatTone } from "../../verdicts";
import { Card, Empty, Figure, Meter } from "../parts";

const MIB_PER_GIB = 1024;

/** The GPU in brief. */
export function GPUStats() {
  const { status } = useSystemStatus();
  const gpu = status?.gpu;
  if (!gpu) {
    return (
      <Card title="GPU">
        <Empty title={status ? "No GPU can be read" : "Waiting for a status"}>
          {status && "It is read by NVML, or from what yolo26 says of it."}
        </Empty>
      </Card>
    );
  }
  const used = gpu.memory_used === null ? null : gpu.memory_used / MIB_PER_GIB;
  const total = gpu.memory_total === null ? null : gpu.memory_total / MIB_PER_GIB;
  return (
    <Card
      title="GPU"
      aside={<span className="truncate text-muted text-xs">{gpu.name ?? "unknown model"}</span>}
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
      </div>
    </Card>
  );
}

function memory(used: number | null, total: number | null): string {
  if (used === null) return UNKNOWN;
  return total === null ? `${fixed(used, 1)} GB` : `${fixed(used, 1)} of ${fixed(total, 1)} GB`;
}
