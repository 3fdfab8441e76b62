import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [react(), tailwindcss()],
  // The workspace's own package is taken from its sources: nothing has to be built first.
  resolve: { alias: { "@hsi/realtime": `${import.meta.dirname}/realtime/src/index.ts` } },
  build: {
    target: "es2022",
    // A strict Content-Security-Policy: nothing inline, so no data: URLs for fonts or scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    // `npm run dev` beside `make run`: the page from here, everything else from its ingress.
    proxy: {
      "/api": "http://127.0.0.1:8080",
      "/ws": { target: "http://127.0.0.1:8080", ws: true },
    },
  },
  test: {
    environment: "jsdom",
    environmentOptions: { jsdom: { pretendToBeVisual: true } },
    include: ["tests/**/*.test.{ts,tsx}", "realtime/tests/**/*.test.{ts,tsx}"],
    restoreMocks: true,
    unstubGlobals: true,
  },
});
