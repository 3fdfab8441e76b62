import { inviteIn } from "./session";

/** Where 0.2.0 kept a key, in tabs that are still open. */
const OLD_KEY = "hsi.api-key";

/**
 * Take an invite's code out of the address bar and the history, and return it; null if there is none.
 *
 * Before anything else, so that it is in no picture of the screen and in no bookmark.
 */
export function takeInvite(): string | null {
  const code = inviteIn(location.hash);
  if (code !== null) {
    history.replaceState(history.state, "", location.pathname + location.search);
  }
  return code;
}

/** Remove the key that an older page may have left in this tab. */
export function forgetOldKey(): void {
  try {
    sessionStorage.removeItem(OLD_KEY);
  } catch {
    // A browser that keeps nothing for this page has kept no key.
  }
}
