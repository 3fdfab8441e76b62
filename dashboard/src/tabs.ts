/** What a tab says to this browser's other tabs of this page. */
export type Tabs = Pick<BroadcastChannel, "postMessage" | "addEventListener">;

/** Reaches the other tabs by a name; where a browser does not let it, nobody. */
export function tabsBy(name: string): Tabs {
  try {
    return new BroadcastChannel(name);
  } catch {
    // Site data are blocked: no tab knows of another.
    return Object.assign(new EventTarget(), { postMessage: () => {} });
  }
}
