import { useCallback } from "react";
import { useLocation, useSearch } from "wouter";
import { filterIn, type JobsFilter, queryOf } from "./jobsFilter";

/** Which jobs the list shows: the page's address says it, and keeps it. */
export function useJobsFilter(): readonly [JobsFilter, (filter: JobsFilter) => void] {
  const search = useSearch();
  const [path, navigate] = useLocation();
  const change = useCallback(
    (filter: JobsFilter) => {
      // What it names of the log stays.
      navigate(`${path}${queryOf(filter)}${location.hash}`, { replace: true });
    },
    [path, navigate],
  );
  return [filterIn(search), change];
}
