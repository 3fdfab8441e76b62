// @vitest-environment node
import fc from "fast-check";
import { expect, test } from "vitest";
import { listOf, partOf, wholeOf } from "../src/conform";
import { DATA_BY_TYPE, DEFINITIONS, type Definitions, type Schema } from "../src/definitions";
import { golden } from "./golden";

/** Whether a value is what a schema says, to the letter. */
function holds(value: unknown, schema: Schema): boolean {
  if (schema.$ref) return holds(value, DEFINITIONS[schema.$ref]);
  if (schema.anyOf) return schema.anyOf.some((one) => holds(value, one));
  if (schema.enum) return schema.enum.includes(value);
  switch (schema.type) {
    case undefined:
      return true;
    case "null":
      return value === null;
    case "integer":
      return typeof value === "number";
    case "array":
      return Array.isArray(value) && value.every((item) => holds(item, schema.items ?? {}));
    case "object": {
      if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
      const { properties = {}, required = [], additionalProperties: rest } = schema;
      return (
        required.every((name) => Object.hasOwn(value, name)) &&
        Object.entries(value).every(([name, field]) => {
          const known = Object.hasOwn(properties, name) ? properties[name] : rest;
          return !known || holds(field, known);
        })
      );
    }
    default:
      return typeof value === schema.type;
  }
}

const NAMES = Object.keys(DEFINITIONS) as (keyof Definitions)[];

/** Values of a schema, of which every part may be something else. */
function almost(schema: Schema, depth = 0): fc.Arbitrary<unknown> {
  const odd = fc.jsonValue({ maxDepth: 1 });
  const right = (): fc.Arbitrary<unknown> => {
    if (schema.$ref) return almost(DEFINITIONS[schema.$ref], depth + 1);
    if (schema.anyOf) return fc.oneof(...schema.anyOf.map((one) => almost(one, depth + 1)));
    if (schema.enum) return fc.constantFrom(...schema.enum);
    switch (schema.type) {
      case "null":
        return fc.constant(null);
      case "boolean":
        return fc.boolean();
      case "string":
        return fc.string();
      case "number":
      case "integer":
        return fc.integer();
      case "array":
        return fc.array(almost(schema.items ?? {}, depth + 1), { maxLength: 3 });
      case "object": {
        if (!schema.properties) {
          const values = almost(schema.additionalProperties ?? {}, depth + 1);
          return fc.dictionary(fc.string(), values, { maxKeys: 3 });
        }
        const fields = Object.entries(schema.properties).map(
          ([name, field]) => [name, almost(field, depth + 1)] as const,
        );
        const missing = { requiredKeys: fields.map(([name]) => name).slice(1) };
        return fc.oneof(
          { weight: 4, arbitrary: fc.record(Object.fromEntries(fields)) },
          { weight: 1, arbitrary: fc.record(Object.fromEntries(fields), missing) },
        );
      }
      default:
        return odd;
    }
  };
  return fc.oneof({ weight: 19, arbitrary: right() }, { weight: 1, arbitrary: odd });
}

test.each(NAMES)("what is made of %s is what its schema says, whatever came", (name) => {
  const schema = DEFINITIONS[name];
  const { properties = {} } = schema;
  fc.assert(
    fc.property(almost(schema), (value) => {
      const whole = wholeOf(name, value);
      expect(whole === null || holds(whole, schema)).toBe(true);
      if (holds(value, schema)) expect(whole).toBe(value);
      const part = partOf(name, value);
      expect(holds(part, { type: "object", properties })).toBe(true);
      if (holds(value, schema) && schema.properties) expect(part).toBe(value);
    }),
  );
});

test("a field that is odd is left out, and the others are as they came", () => {
  const { data } = golden("event");
  expect(partOf("EventData", data)).toBe(data);
  const broken = { ...Object(data), risk_score: "75", weather: "rain" };
  const { risk_score: _, ...others } = broken;
  expect(partOf("EventData", broken)).toEqual(others);
  expect(partOf("EventData", "no object")).toEqual({});
});

test("an odd part is null where that may be, and else makes what is around it odd", () => {
  const { data } = golden("system_status");
  const { gpu, ...others } = Object(data);
  expect(partOf("SystemStatusData", { ...others, gpu: { ...gpu, utilization: "high" } })).toEqual({
    ...others,
    gpu: { ...gpu, utilization: null },
  });
  expect(partOf("SystemStatusData", { ...others, cameras: { total: "many" } })).toEqual({
    ...others,
    cameras: null,
  });
  const services = { yolo26: "healthy", nemotron: "asleep" };
  expect(partOf("SystemStatusData", { services })).toEqual({ services: { yolo26: "healthy" } });
});

test("of a list the odd items are left out; what is no list is none", () => {
  const camera = { id: "door", name: "Door", status: "online", last_seen_at: null };
  expect(listOf("Camera", [camera, { id: 5 }, null])).toEqual([camera]);
  // Nobody said when: that may be null.
  expect(listOf("Camera", [{ id: "door", name: "Door", status: "online" }])).toEqual([camera]);
  expect(listOf("Camera", { detail: "no list" })).toBeNull();
});

test("each message's data has a definition, and names that every object has are no message", () => {
  expect(DATA_BY_TYPE.event).toBe("EventData");
  expect(DATA_BY_TYPE.ping).toBeNull();
});
