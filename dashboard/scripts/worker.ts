/** Builds the page's service worker after the page: as one file, which knows what the page is of. */

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { build, type Plugin } from "vite";

const FOLDER = join(import.meta.dirname, "..");
/** Parts of a page: scripts, styles, and the letters that English takes. */
const PART = /\.(js|css)$|-latin-wght-[^/]*\.woff2$/;
/** Files of public/, which keep their names, that the page needs by itself. */
const FILE = /\.(js|css|svg)$/;

export function serviceWorker(): Plugin {
  let alias = {};
  let publicFolder = "";
  return {
    name: "hsi:service-worker",
    apply: "build",
    configResolved(config) {
      alias = config.resolve.alias;
      publicFolder = config.publicDir;
    },
    async writeBundle({ dir }, bundle) {
      const entry = Object.values(bundle).find((one) => one.type === "chunk" && one.isEntry);
      if (!dir || !entry) throw new Error("the page has no entry");
      const parts = Object.keys(bundle).filter((name) => PART.test(name));
      const files = readdirSync(publicFolder).filter((name) => FILE.test(name));
      const page = readFileSync(join(dir, "index.html"));
      const id = createHash("sha256").update(page).update(parts.sort().join()).digest("hex");
      const built = { id: id.slice(0, 12), entry: entry.fileName, files: [...parts, ...files] };
      await build({
        configFile: false,
        root: FOLDER,
        publicDir: false,
        logLevel: "warn",
        resolve: { alias },
        define: { BUILT: JSON.stringify(built), "process.env.NODE_ENV": '"production"' },
        build: {
          outDir: dir,
          emptyOutDir: false,
          target: "es2022",
          lib: {
            entry: join(FOLDER, "src/worker/worker.ts"),
            formats: ["iife"],
            name: "hsi",
            fileName: () => "worker.js",
          },
        },
      });
    },
  };
}
