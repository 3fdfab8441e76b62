/** The addresses of this page's own scripts, for workers: its policy wants each vouched for. */

interface ScriptUrls {
  createScriptURL(url: string): string;
}

declare global {
  interface Window {
    /** Not every browser has Trusted Types, nor do TypeScript's types. */
    readonly trustedTypes?: { createPolicy(name: string, rules: ScriptUrls): ScriptUrls };
  }
}

// The only policy that the page's Content-Security-Policy allows (Caddyfile), so there is one home
// for it.
const policy = globalThis.window?.trustedTypes?.createPolicy("hsi-worker", {
  createScriptURL: ownScriptIn,
});

/**
 * The address of a script of this page, as workers take it.
 *
 * @param url Relative to the page's base, or whole.
 * @throws TypeError if it is of another origin.
 */
export function ownScript(url: string): string {
  return policy?.createScriptURL(url) ?? ownScriptIn(url);
}

function ownScriptIn(url: string): string {
  const address = new URL(url, new URL(import.meta.env.BASE_URL, location.href));
  if (address.origin !== location.origin) throw new TypeError(`not a script of this page: ${url}`);
  return address.href;
}
