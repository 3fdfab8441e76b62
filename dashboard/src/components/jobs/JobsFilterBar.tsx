import { Search } from "lucide-react";
import { useEffect, useState } from "react";
import { texts } from "../../texts";
import { ALL_JOBS, type JobsFilter, STATUSES } from "./jobsFilter";
import { useSettled } from "./useSettled";

/** Milliseconds without a key before the jobs are asked for. */
const TYPING = 250;
const FIELD = "h-9 rounded-md border border-line bg-ground text-sm";

interface Props {
  readonly filter: JobsFilter;
  readonly change: (filter: JobsFilter) => void;
}

/** Chooses which jobs are listed. */
export function JobsFilterBar({ filter, change }: Props) {
  // Another one came from elsewhere: the browser's Back, or a link.
  const [text, setText] = useState(filter.text);
  const [known, setKnown] = useState(filter.text);
  if (known !== filter.text) {
    setKnown(filter.text);
    setText(filter.text);
  }
  const settled = useSettled(text, TYPING);
  useEffect(() => {
    if (settled === text && settled !== filter.text) {
      change({ ...filter, text: settled, limit: ALL_JOBS.limit });
    }
  }, [settled, text, filter, change]);
  return (
    <div className="flex gap-2">
      <label className="relative min-w-0 flex-1">
        <span className="sr-only">{texts.jobs.search}</span>
        <Search
          aria-hidden
          className="-translate-y-1/2 absolute top-1/2 left-2.5 size-4 text-muted"
        />
        <input
          type="search"
          value={text}
          onChange={(event) => setText(event.target.value)}
          placeholder={texts.jobs.search}
          maxLength={128}
          autoCapitalize="off"
          autoComplete="off"
          spellCheck={false}
          className={`${FIELD} w-full pr-2 pl-8 placeholder:text-muted`}
        />
      </label>
      <label>
        <span className="sr-only">{texts.jobs.status}</span>
        <select
          value={filter.status ?? ""}
          onChange={(event) =>
            change({
              ...filter,
              text,
              status: STATUSES.find((status) => status === event.target.value) ?? null,
              limit: ALL_JOBS.limit,
            })
          }
          className={`${FIELD} px-2`}
        >
          <option value="">{texts.jobs.allStatuses}</option>
          {STATUSES.map((status) => (
            <option key={status} value={status}>
              {texts.jobs.statuses[status]}
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}
