import { useCameras } from "@hsi/realtime";
import { texts } from "../../texts";
import { Failure } from "../parts";
import type { PartProps } from "./TellDialog";

const { told: words } = texts;

/** Of all cameras, or of some. */
export function CameraChoice({ choice: { cameras: chosen }, change }: PartProps) {
  const { cameras, error } = useCameras();
  // One that was chosen and is gone can be taken out again.
  const gone = (chosen ?? []).filter((id) => !cameras.some((camera) => camera.id === id));
  const all = [...cameras, ...gone.map((id) => ({ id, name: id }))];
  const set = (id: string, isIn: boolean) => {
    const others = (chosen ?? []).filter((one) => one !== id);
    change({ cameras: isIn ? [...others, id] : others });
  };
  return (
    <fieldset className="flex flex-col gap-2">
      <legend className="mb-2">{words.cameras}</legend>
      <label className="flex items-center gap-2">
        <input
          type="radio"
          name="cameras"
          checked={chosen === null}
          onChange={() => change({ cameras: null })}
        />
        {words.allCameras}
      </label>
      <label className="flex items-center gap-2">
        <input
          type="radio"
          name="cameras"
          checked={chosen !== null}
          onChange={() => change({ cameras: cameras.map(({ id }) => id) })}
        />
        {words.someCameras}
      </label>
      {chosen !== null && (
        <ul className="ml-6 flex max-h-48 flex-col gap-2 overflow-y-auto">
          {all.map(({ id, name }) => (
            <li key={id}>
              <label className="flex items-center gap-2">
                <input
                  type="checkbox"
                  checked={chosen.includes(id)}
                  onChange={({ target }) => set(id, target.checked)}
                />
                <bdi>{name}</bdi>
              </label>
            </li>
          ))}
        </ul>
      )}
      {chosen?.length === 0 && <p className="text-warn-ink">{words.noCamera}</p>}
      {error && <Failure what={words.noCameraList} why={error.message} />}
    </fieldset>
  );
}
