import { isDeepStrictEqual } from 'node:util';
import type { Json } from './scenario.ts';

/** Whether the actual data is the expected. Members of objects that are not expected are ignored, unless `exact`. */
export function matches(expected: Json, actual: Json, exact = false): boolean {
  if (expected === '$any') return actual !== undefined && actual !== null;
  if (expected === '$none') return actual === undefined || actual === null;
  if (expected === '$number') return typeof actual === 'number';
  if (Array.isArray(expected))
    return (
      Array.isArray(actual) &&
      expected.length === actual.length &&
      expected.every((item, i) => matches(item, actual[i], exact))
    );
  if (expected === null || typeof expected !== 'object') return isDeepStrictEqual(expected, actual ?? null);
  if (actual === null || typeof actual !== 'object') return false;
  if ('$set' in expected)
    return Array.isArray(actual) && isDeepStrictEqual([...expected.$set].sort(), [...actual].sort());
  return (
    Object.entries(expected).every(([name, value]) => matches(value, actual[name], exact)) &&
    (!exact || Object.keys(actual).every((name) => name in expected))
  );
}

/** Replaces each text `$name` by the value of that name. */
export function substituted(data: Json, values: ReadonlyMap<string, Json>): Json {
  if (typeof data === 'string') return values.get(data) ?? data;
  if (Array.isArray(data)) return data.map((item) => substituted(item, values));
  if (data === null || typeof data !== 'object') return data;
  return Object.fromEntries(Object.entries(data).map(([name, value]) => [name, substituted(value, values)]));
}
