import { texts } from "../texts";
import { Failure } from "./parts";

interface RefusalProps {
  readonly what: string;
  readonly why: string;
  readonly retry: () => Promise<void>;
}

/** Something that a person wanted done and that was refused; they can try again. */
export function Refusal({ what, why, retry }: RefusalProps) {
  return (
    <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
      <Failure what={what} why={why} />
      <button
        type="button"
        onClick={() => void retry()}
        className="rounded border border-line px-2 py-0.5 text-sm hover:bg-raised"
      >
        {texts.events.seen.again}
      </button>
    </div>
  );
}
