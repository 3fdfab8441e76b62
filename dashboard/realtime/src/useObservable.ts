import { useSyncExternalStore } from "react";
import type { Observable } from "./observable.ts";

/** An observable's value. */
export function useObservable<T>(observable: Observable<T>): T {
  return useSyncExternalStore(observable.subscribe, observable.get, observable.getInitial);
}
