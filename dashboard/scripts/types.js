// Makes realtime/src/messages.ts and realtime/src/definitions.ts from schema.json, which the
// services' msgspec Structs make (`make types` does both). With --check, only says whether the files
// are what they should be.

import { readFile, writeFile } from "node:fs/promises";
import { compile } from "json-schema-to-typescript";

const BANNER = "// Made from the services' schemas by `make types`; do not edit.";
const FOLDER = new URL("../realtime/src/", import.meta.url);

const schema = JSON.parse(await readFile(new URL("../schema.json", import.meta.url), "utf8"));
const { "x-close-codes": closeCodes, $defs, ...message } = schema;

/** The API's answers: no message refers to them, and the library makes types only of what its root
 * refers to. */
const answers = Object.keys($defs).filter((name) => !JSON.stringify(schema).includes(`/${name}"`));

async function messagesSource() {
  const everything = {
    type: "object",
    description: "Everything that the services send.",
    properties: {
      message,
      ...Object.fromEntries(answers.map((name) => [name, { $ref: `#/$defs/${name}` }])),
    },
    $defs,
  };
  const types = await compile(everything, "Everything", {
    additionalProperties: false,
    bannerComment: BANNER,
    style: { printWidth: 100 },
  });
  const codes = closeCodes.map(
    ({ name, code, description }) => `  /** ${description} */\n  ${name}: ${code},`,
  );
  const ends = closeCodes.filter(({ ends }) => ends).map(({ name }) => `  CloseCode.${name},`);
  return `${types}
/** The codes that a service closes a WebSocket with, and what each asks of a client. */
export const CloseCode = {
${codes.join("\n")}
} as const;

/** After one of these a client does not come back by itself. */
export const CODES_THAT_END: ReadonlySet<number> = new Set([
${ends.join("\n")}
]);
`;
}

const nameOf = (reference) => reference.slice(reference.lastIndexOf("/") + 1);

/** Of a schema, what decides whether a value is what it says; titles, words and limits aside. */
function core({ $ref, anyOf, enum: words, type, properties, required, items, ...rest }) {
  if ($ref) return { $ref: nameOf($ref) };
  if (anyOf) return { anyOf: anyOf.map(core) };
  if (words) return { enum: words };
  if (items) return { type, items: core(items) };
  if (properties) {
    const fields = Object.entries(properties).map(([name, field]) => [name, core(field)]);
    return { type, properties: Object.fromEntries(fields), required: required ?? [] };
  }
  const { additionalProperties } = rest;
  if (typeof additionalProperties === "object") {
    return { type, additionalProperties: core(additionalProperties) };
  }
  return type === undefined ? {} : { type };
}

function definitionsSource() {
  const data = Object.entries(message.discriminator.mapping).map(([type, reference]) => {
    const field = $defs[nameOf(reference)].properties.data;
    return [type, field ? nameOf(field.$ref) : null];
  });
  const used = new Set();
  const use = (name) => {
    if (used.has(name)) return;
    used.add(name);
    for (const [, reference] of JSON.stringify($defs[name]).matchAll(/"\$ref":"([^"]+)"/g)) {
      use(nameOf(reference));
    }
  };
  for (const name of [...data.flatMap(([, name]) => name ?? []), ...answers]) use(name);
  const names = [...used].sort();
  const constant = (entries) =>
    entries.map(([name, value]) => `  ${name}: ${JSON.stringify(value)},`).join("\n");
  return `${BANNER}

import type {
${names.map((name) => `  ${name},`).join("\n")}
} from "./messages.ts";

/** The types by the names of their schemas. */
export interface Definitions {
${names.map((name) => `  ${name}: ${name};`).join("\n")}
}

/** What narrowing looks at of a JSON Schema; a reference is the name of a definition. */
export interface Schema {
  readonly $ref?: keyof Definitions;
  readonly anyOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly type?: string;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema;
}

/** The definition of each message's data, by the message's type; null where it has none. */
export const DATA_BY_TYPE = {
${constant(data)}
} as const;

export const DEFINITIONS: Readonly<Record<keyof Definitions, Schema>> = {
${constant(names.map((name) => [name, core($defs[name])]))}
};
`;
}

const check = process.argv.includes("--check");
for (const [name, source] of [
  ["messages.ts", await messagesSource()],
  ["definitions.ts", definitionsSource()],
]) {
  const file = new URL(name, FOLDER);
  if (!check) {
    await writeFile(file, source);
  } else if ((await readFile(file, "utf8")) !== source) {
    process.stderr.write(`realtime/src/${name} is not what schema.json says: run \`make types\`\n`);
    process.exitCode = 1;
  }
}
