/**
 * Makes of what came something that its type is true of. Other producers publish, too, and newer
 * services may say more than this package knows, so nothing is dropped as a whole that has a part
 * which can be shown. Pure.
 */

import { DEFINITIONS, type Definitions, type Schema } from "./definitions.ts";

type Fields = Readonly<Record<string, unknown>>;

/** The fields of what should be an object. */
export function fieldsOf(value: unknown): Fields {
  return isObject(value) ? value : {};
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The fields of `value` that are what the definition says; the others are left out. The same object
 * if that is all of them. Fields that the definition does not know stay.
 */
export function partOf<K extends keyof Definitions>(
  name: K,
  value: unknown,
): Partial<Definitions[K]> {
  const fields = fieldsOf(value);
  const { properties = {} } = DEFINITIONS[name];
  // What stays of each known field is as the definition says, so the type is true.
  return fitFields(fields, properties) as Partial<Definitions[K]>;
}

/** `value` as the definition says; null if that cannot be. */
export function wholeOf<K extends keyof Definitions>(
  name: K,
  value: unknown,
): Definitions[K] | null {
  const fitting = fit(value, DEFINITIONS[name]);
  return fitting === undefined ? null : (fitting as Definitions[K]);
}

/** The items of a list that are as the definition says; null if it is no list. */
export function listOf<K extends keyof Definitions>(
  name: K,
  value: unknown,
): Definitions[K][] | null {
  if (!Array.isArray(value)) return null;
  return value.flatMap((item) => wholeOf(name, item) ?? []);
}

/**
 * The value without what does not fit the schema: that becomes null where the schema allows null,
 * and is left out where it allows that; else all that is around it does not fit, either.
 *
 * @returns undefined if the value does not fit; JSON has none.
 */
function fit(value: unknown, schema: Schema): unknown {
  const { $ref, anyOf } = schema;
  if ($ref) return fit(value, DEFINITIONS[$ref]);
  if (anyOf) return fitAny(value, anyOf);
  if (schema.enum) return schema.enum.includes(value) ? value : undefined;
  switch (schema.type) {
    case "object":
      return isObject(value) ? fitObject(value, schema) : undefined;
    case "array":
      return Array.isArray(value) ? fitArray(value, schema.items ?? {}) : undefined;
    case "null":
      return value === null ? null : undefined;
    case "integer":
    case "number":
      return Number.isFinite(value) ? value : undefined;
    case undefined:
      return value;
    default:
      return typeof value === schema.type ? value : undefined;
  }
}

function fitAny(value: unknown, schemas: readonly Schema[]): unknown {
  for (const schema of schemas) {
    const fitting = fit(value, schema);
    if (fitting !== undefined) return fitting;
  }
  return schemas.some(({ type }) => type === "null") ? null : undefined;
}

function fitArray(items: readonly unknown[], schema: Schema): readonly unknown[] {
  const fitting = items.map((item) => fit(item, schema));
  if (fitting.every((item, index) => item === items[index])) return items;
  return fitting.filter((item) => item !== undefined);
}

function fitObject(value: Fields, schema: Schema): Fields | undefined {
  const { properties, required = [], additionalProperties } = schema;
  if (!properties) {
    if (!additionalProperties) return value;
    return fitFields(
      value,
      Object.fromEntries(Object.keys(value).map((name) => [name, additionalProperties])),
    );
  }
  const fitting: Record<string, unknown> = { ...fitFields(value, properties) };
  for (const name of required) {
    if (Object.hasOwn(fitting, name)) continue;
    // Nobody said it: where that may be so, it is null.
    const absent = fit(undefined, properties[name] ?? {});
    if (absent === undefined) return undefined;
    fitting[name] = absent;
  }
  const same = Object.keys(fitting).length === Object.keys(value).length;
  return same && Object.entries(fitting).every(([name, field]) => field === value[name])
    ? value
    : fitting;
}

/** The object with each of these fields as its schema says, or without it. */
function fitFields(value: Fields, schemas: Readonly<Record<string, Schema>>): Fields {
  let fitting = value;
  for (const [name, schema] of Object.entries(schemas)) {
    if (!Object.hasOwn(value, name)) continue;
    const field = fit(value[name], schema);
    if (field === value[name]) continue;
    const { [name]: _, ...others } = fitting;
    fitting = field === undefined ? others : { ...others, [name]: field };
  }
  return fitting;
}
