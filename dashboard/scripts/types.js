// Makes src/realtime/messages.ts from schema.json, which the services' msgspec Structs make
// (`make types` does both). With --check, only says whether the file is what it should be.

import { readFile, writeFile } from "node:fs/promises";
import { compile } from "json-schema-to-typescript";

const TARGET = new URL("../src/realtime/messages.ts", import.meta.url);

const schema = JSON.parse(await readFile(new URL("../schema.json", import.meta.url), "utf8"));
const { "x-close-codes": closeCodes, $defs, ...message } = schema;
// The library makes types only of what its root refers to.
const alone = Object.keys($defs).filter((name) => !JSON.stringify(schema).includes(`/${name}"`));
const everything = {
  type: "object",
  description: "Everything that the services send.",
  properties: {
    message,
    ...Object.fromEntries(alone.map((name) => [name, { $ref: `#/$defs/${name}` }])),
  },
  $defs,
};
const types = await compile(everything, "Wire", {
  additionalProperties: false,
  bannerComment: "// Made from the services' schemas by `make types`; do not edit.",
  style: { printWidth: 100 },
});
const codes = closeCodes.map(
  ({ name, code, description }) => `  /** ${description} */\n  ${name}: ${code},`,
);
const ends = closeCodes.filter(({ ends }) => ends).map(({ name }) => `  CloseCode.${name},`);
const source = `${types}
/** The codes that a service closes a WebSocket with, and what each asks of a client. */
export const CloseCode = {
${codes.join("\n")}
} as const;

/** After one of these a client does not come back by itself. */
export const CODES_THAT_END: ReadonlySet<number> = new Set([
${ends.join("\n")}
]);
`;

if (!process.argv.includes("--check")) {
  await writeFile(TARGET, source);
} else if ((await readFile(TARGET, "utf8")) !== source) {
  process.stderr.write("src/realtime/messages.ts is not what schema.json says: run `make types`\n");
  process.exit(1);
}
