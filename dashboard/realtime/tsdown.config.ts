import { defineConfig } from "tsdown";

export default defineConfig({
  entry: "src/index.ts",
  platform: "neutral",
  target: "es2022",
  // TypeScript itself makes the declarations, beside it.
  dts: false,
  sourcemap: true,
  // Frameworks that render on servers have to know that hooks belong to the browser, too.
  banner: { js: '"use client";' },
});
