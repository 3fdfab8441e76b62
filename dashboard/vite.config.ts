import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { serviceWorker } from "./scripts/worker.ts";

export default defineConfig({
  // Where the page is, as "/hsi/"; what serves it takes that path away (docs/dashboard.md).
  base: `/${process.env.BASE_PATH ?? ""}/`.replaceAll(/\/{2,}/g, "/"),
  plugins: [react(), tailwindcss(), serviceWorker()],
  // The workspace's own package is taken from its sources: nothing has to be built first.
  resolve: { alias: { "@hsi/realtime": `${import.meta.dirname}/realtime/src/index.ts` } },
  build: {
    target: "es2022",
    // As the page says that it runs in (docs/dashboard.md): `light-dark()` is left as it stands.
    cssTarget: ["chrome131", "firefox132", "safari18.1"],
    // A strict Content-Security-Policy: nothing inline, so no data: URLs for fonts or scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        codeSplitting: {
          // What every page has is one file, which compresses better than five.
          groups: [
            {
              name: "shared",
              test: /createLucideIcon|components\/parts|node_modules\/swr|\/(useApi|systemFeed|useCameras|useActor)\.ts/,
            },
          ],
        },
      },
    },
  },
  server: {
    // `npm run dev` beside `make run`: the page from here, everything else from its ingress.
    proxy: {
      "/api": "http://127.0.0.1:8080",
      "/ws": { target: "http://127.0.0.1:8080", ws: true },
    },
  },
  test: {
    // A test that needs a page says so (`@vitest-environment jsdom`): it takes a second to make one.
    environment: "node",
    environmentOptions: { jsdom: { pretendToBeVisual: true } },
    include: ["tests/**/*.test.{ts,tsx}", "realtime/tests/**/*.test.{ts,tsx}"],
    setupFiles: ["realtime/tests/leaveNothing.ts"],
    // A machine that does other things too takes its time; a test waits for what it asks for.
    testTimeout: 30_000,
    maxWorkers: 2, // Of two cores, one would be idle.
    restoreMocks: true,
    unstubGlobals: true,
  },
});
