// @vitest-environment node
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { JSDOM, VirtualConsole } from "jsdom";
import { build as bundle } from "vite";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { Server } from "./server";

const PACKAGE = join(import.meta.dirname, "..");
const DASHBOARD = join(PACKAGE, "..");
const BIN = join(DASHBOARD, "node_modules/.bin");

/** Milliseconds that npm may take, with an empty cache. */
const LIMIT = 120_000;

const run = promisify(execFile);

/** Run npm, the one that runs these tests if it does: a Node of a wheel has none by that name. */
async function npm(cwd: string, ...parameters: string[]): Promise<string> {
  const cli = process.env.npm_execpath;
  const own = cli?.endsWith("npm-cli.js");
  const command = own ? process.execPath : "npm";
  // Vitest's NODE_ENV would be the app's, too.
  const { NODE_ENV: _, ...env } = process.env;
  const { stdout } = await run(command, [...(own ? [cli ?? ""] : []), ...parameters], { cwd, env });
  return stdout;
}

let folder: string;
let tarball: string;
let versions: Record<string, string>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hsi-realtime-"));
  await npm(PACKAGE, "run", "build");
  const packed = await npm(PACKAGE, "pack", "--json", "--pack-destination", folder);
  const [{ filename }] = JSON.parse(packed);
  tarball = join(folder, filename);
  const { dependencies, devDependencies } = JSON.parse(
    await readFile(join(DASHBOARD, "package.json"), "utf8"),
  );
  versions = { ...dependencies, ...devDependencies };
}, LIMIT);

afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** Make a fresh app of these files that has the tarball and these packages; return its folder. */
async function makeApp(
  name: string,
  dependencies: Record<string, string | undefined>,
  files: Record<string, string>,
): Promise<string> {
  const app = join(folder, name);
  const about = { private: true, type: "module", dependencies };
  for (const [path, text] of Object.entries({ ...files, "package.json": JSON.stringify(about) })) {
    await mkdir(dirname(join(app, path)), { recursive: true });
    await writeFile(join(app, path), text);
  }
  const quick = ["--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund"];
  await npm(app, "install", ...quick, tarball);
  return app;
}

/** Open a page of the server with this script; return it, and what its console said. */
function openPage(server: Server, html: string, script: string) {
  const complaints: string[] = [];
  const virtualConsole = new VirtualConsole();
  for (const kind of ["error", "warn"] as const) {
    virtualConsole.on(kind, (...parts: unknown[]) => complaints.push(parts.map(String).join(" ")));
  }
  const page = new JSDOM(html, {
    url: server.url,
    runScripts: "outside-only",
    pretendToBeVisual: true,
    virtualConsole,
  });
  onTestFinished(() => page.window.close());
  page.window.eval(`(() => {${script}\n})()`);
  const text = () => page.window.document.getElementById("root")?.textContent;
  return { text, complaints };
}

const PATIENCE = { timeout: 10_000 };

async function startServer(): Promise<Server> {
  const server = await Server.start();
  onTestFinished(() => server.stop());
  return server;
}

/** The program in the package's README.md. */
async function snippet(): Promise<string> {
  const text = await readFile(join(PACKAGE, "README.md"), "utf8");
  const [, program] = /```tsx\n(.*?)```/s.exec(text) ?? [];
  if (program === undefined) throw new Error("README.md has no program");
  return program;
}

function event(summary: string) {
  return { type: "event", data: { event_id: 7, summary } };
}

test(
  "publint and attw find nothing, and the package holds only what it needs",
  async () => {
    const { stdout } = await run(join(BIN, "publint"), ["--strict", tarball]);
    expect(stdout).toContain("All good!");
    await run(join(BIN, "attw"), [tarball, "--profile", "esm-only"]);
    const { stdout: list } = await run("tar", ["-tzf", tarball]);
    const files = list.trim().split("\n");
    const others = files.filter((name) => !/^package\/dist\/\w+\.d\.ts$/.test(name));
    expect(others.sort()).toEqual(
      ["LICENSE", "README.md", "dist/index.js", "dist/index.js.map", "package.json"].map(
        (name) => `package/${name}`,
      ),
    );
    expect(files).toContain("package/dist/index.d.ts");
  },
  LIMIT,
);

const COMPONENT = `
import { useCameras, useEventStream, useJobLogs, useJobs, usePerformanceMetrics, useSystemStatus,
  useWebSocket } from "@hsi/realtime";

export function Latest() {
  const { events, connectionState } = useEventStream();
  const summary: string | undefined = events[0]?.summary;
  const { lastMessage } = useWebSocket("/ws/events");
  return <p>{connectionState}: {summary} ({lastMessage?.type})</p>;
}

export function Others() {
  const score: number | null | undefined = useSystemStatus().status?.gpu?.utilization;
  const { cameras } = useCameras();
  return <p>{[score, cameras.length, useJobs().jobs?.length, useJobLogs("a").logs.end,
    usePerformanceMetrics().history.length].join()}</p>;
}
`;

test(
  "a fresh Vite app builds with it, typed, and shows an event",
  async () => {
    const { vite, typescript, react } = versions;
    const app = await makeApp(
      "vite-app",
      {
        vite,
        typescript,
        react,
        "react-dom": react,
        "@types/react": versions["@types/react"],
        "@types/react-dom": versions["@types/react-dom"],
      },
      {
        "index.html": '<div id="root"></div><script type="module" src="/src/main.tsx"></script>',
        "src/Latest.tsx": COMPONENT,
        "src/Readme.tsx": await snippet(),
        "src/main.tsx": `
        import { createRoot } from "react-dom/client";
        import { Latest } from "./Latest";
        const root = document.getElementById("root");
        if (root) createRoot(root).render(<Latest />);`,
        "tsconfig.json": JSON.stringify({
          compilerOptions: {
            target: "es2022",
            lib: ["es2022", "dom"],
            module: "esnext",
            moduleResolution: "bundler",
            jsx: "react-jsx",
            strict: true,
            noEmit: true,
          },
          include: ["src"],
        }),
      },
    );
    await npm(app, "exec", "tsc");
    await npm(app, "exec", "vite", "build");
    const assets = await readdir(join(app, "dist/assets"));
    const [script = ""] = assets.filter((name) => name.endsWith(".js"));
    const server = await startServer();
    const { text, complaints } = openPage(
      server,
      await readFile(join(app, "dist/index.html"), "utf8"),
      await readFile(join(app, "dist/assets", script), "utf8"),
    );
    await expect.poll(text, PATIENCE).toMatch(/^live: {2}\(p[io]ng\)$/);
    server.publish("/ws/events", event("Somebody at the door"));
    await expect.poll(text, PATIENCE).toBe("live: Somebody at the door (event)");
    expect(complaints).toEqual([]);
  },
  LIMIT,
);

test(
  "a server renders with it and connects to nothing; the page hydrates, and shows an event",
  async () => {
    const app = await makeApp(
      "ssr-app",
      { react: "^18.3.1", "react-dom": "^18.3.1" },
      {
        "src/App.jsx": COMPONENT.replaceAll(/: (string|number)[ |a-z]*(?= =)/g, "").concat(`
        import { RealtimeProvider } from "@hsi/realtime";
        export const App = () => <RealtimeProvider><Latest /><Others /></RealtimeProvider>;`),
        "src/server.jsx": `
        import { renderToString } from "react-dom/server";
        import { App } from "./App";
        console.log(JSON.stringify({ html: renderToString(<App />), touched }));`,
        "src/client.jsx": `
        import { hydrateRoot } from "react-dom/client";
        import { App } from "./App";
        hydrateRoot(document.getElementById("root"), <App />, {
          onRecoverableError: (error) => console.error("not what was rendered", error),
        });`,
        // What a server has none of, or what would be shared by all whom it renders for.
        "touched.js": `
        globalThis.touched = [];
        for (const name of ["WebSocket", "sessionStorage", "localStorage", "fetch"]) {
          Object.defineProperty(globalThis, name, { get: () => { touched.push(name); } });
        }`,
      },
    );
    const options = { configFile: false, root: app, logLevel: "error" } as const;
    await bundle({ ...options, build: { ssr: "src/server.jsx", outDir: "server" } });
    const client = {
      entry: "src/client.jsx",
      formats: ["iife" as const],
      name: "app",
      fileName: "app",
    };
    await bundle({
      ...options,
      define: { "process.env.NODE_ENV": '"development"' },
      build: { lib: client, outDir: "client" },
    });
    const { stdout } = await run(
      process.execPath,
      ["--import", "./touched.js", "server/server.js"],
      { cwd: app },
    );
    const { html, touched } = JSON.parse(stdout);
    expect(touched).toEqual([]);
    expect(html.replaceAll("<!-- -->", "")).toBe("<p>connecting:  ()</p><p>,0,,0,0</p>");

    const server = await startServer();
    server.answers.set("/api/cameras", { status: 200, body: "[]" });
    server.answers.set("/api/jobs?limit=100", { status: 200, body: "[]" });
    server.publish("/ws/events", event("Before the page came"));
    const scripts = await readdir(join(app, "client"));
    const [script = ""] = scripts.filter((name) => name.endsWith(".js"));
    const { text, complaints } = openPage(
      server,
      `<div id="root">${html}</div>`,
      await readFile(join(app, "client", script), "utf8"),
    );
    await expect.poll(text, PATIENCE).toMatch(/^live: Before the page came/);
    server.publish("/ws/events", event("Somebody at the door"));
    await expect.poll(text, PATIENCE).toMatch(/^live: Somebody at the door \(event\)/);
    expect(complaints).toEqual([]);
  },
  LIMIT,
);
