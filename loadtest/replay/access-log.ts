/**
 * Access logs, a JSON object a line: `{"time": …, "op": "get", "key": "…", "size": 200}`. `time` is ISO 8601 or
 * milliseconds since the epoch; `mget` has `keys` in place of `key`; `size` may be missing.
 */
import type { Operation } from './operation.ts';

const OPS: readonly string[] = ['get', 'set', 'delete', 'mget'] satisfies Operation['op'][];

/** The operation, or in words why the line is none. */
export function accessLine(line: string): Operation | string {
  let fields: unknown;
  try {
    fields = JSON.parse(line);
  } catch {
    return 'no JSON';
  }
  if (typeof fields !== 'object' || fields === null) return 'no JSON object';
  const { time, op, key, keys, size } = fields as Record<string, unknown>;
  const atMs = typeof time === 'number' ? time : Date.parse(String(time));
  if (!Number.isFinite(atMs)) return 'no time';
  if (typeof op !== 'string' || !OPS.includes(op)) return 'another operation';
  const named = op === 'mget' ? keys : [key];
  if (!Array.isArray(named) || named.length === 0 || !named.every(isKey)) return 'no key';
  const known = typeof size === 'number' && size >= 0 ? { bytes: Math.round(size) } : {};
  return { atMs, op: op as Operation['op'], keys: named, ...known };
}

function isKey(key: unknown): key is string {
  return typeof key === 'string' && key !== '';
}
