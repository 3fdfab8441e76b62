// @vitest-environment node
import { expect, test } from "vitest";
import { isRecovering, limitWords } from "../src/alertWords";
import { CHARTS } from "../src/components/performance/chartDefinitions";

test("a limit has its unit, whether or not limits are known, or is not said", () => {
  expect(limitWords("host_cpu", 95)).toBe("limit 95 %");
  expect(limitWords("gpu_temperature", 75)).toBe("limit 75 °C");
  expect(limitWords("of_tomorrow", 7)).toBe("");
  expect(limitWords("of_tomorrow", 7, "%")).toBe("limit 7 %");
});

test("a limit that values have to stay above is a least", () => {
  expect(limitWords("pg_cache_hit", 90)).toBe("at least 90 %");
  expect(limitWords("redis_hit_ratio", 90, "%")).toBe("at least 90 %");
  const low = CHARTS.flatMap(({ lines }) => lines).filter(({ isLow }) => isLow);
  expect(low.map(({ name }) => name)).toEqual(["PostgreSQL", "Redis"]);
});

test("an alert whose value is back within its threshold recovers", () => {
  expect(isRecovering({ metric: "host_cpu", value: 84.6, threshold: 95 })).toBe(true);
  expect(isRecovering({ metric: "host_cpu", value: 95, threshold: 95 })).toBe(false);
  expect(isRecovering({ metric: "pg_cache_hit", value: 91, threshold: 90 })).toBe(true);
  expect(isRecovering({ metric: "pg_cache_hit", value: 89.9, threshold: 90 })).toBe(false);
});
