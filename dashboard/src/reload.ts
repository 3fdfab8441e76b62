/** Milliseconds within which a second reload would not help more than the first. */
const RELOAD_ONCE_IN = 60_000;

/**
 * Load the page again, unless that is how it was loaded just now.
 *
 * The browser itself knows that, whatever the clock says and whatever it keeps for this page.
 *
 * @returns Whether it loads.
 */
export function reloadOnce(): boolean {
  const [navigation] = performance.getEntriesByType("navigation");
  const isReloaded =
    navigation instanceof PerformanceNavigationTiming && navigation.type === "reload";
  if (isReloaded && performance.now() < RELOAD_ONCE_IN) return false;
  location.reload();
  return true;
}
