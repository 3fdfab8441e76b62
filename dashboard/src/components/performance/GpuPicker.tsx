import type { Figures } from "@hsi/realtime";
import { texts } from "../../texts";

interface Props {
  readonly gpus: Figures["gpus"];
  readonly gpu: number | null;
  readonly choose: (gpu: number | null) => void;
}

/** Which GPU the charts show, where there are several. */
export function GpuPicker({ gpus, gpu, choose }: Props) {
  const [first, ...others] = (gpus ?? []).flatMap(({ index, name }) =>
    index === undefined ? [] : { index, name: name?.replace(/^NVIDIA /, "") ?? null },
  );
  if (first === undefined || others.length === 0) return null;
  const { tools } = texts.performance;
  return (
    <label className="flex min-w-0 items-center gap-2 text-sm">
      <span className="text-muted">{tools.gpu}</span>
      <select
        value={gpu ?? first.index}
        onChange={({ target }) => choose(target.selectedIndex === 0 ? null : Number(target.value))}
        className="h-9 min-w-0 max-w-64 rounded-lg border border-line bg-card px-2"
      >
        {[first, ...others].map(({ index, name }) => (
          <option key={index} value={index}>
            {tools.gpuAt(index, name)}
          </option>
        ))}
      </select>
    </label>
  );
}
