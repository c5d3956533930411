/**
 * Access logs, one JSON object per line: `{"time": …, "op": "get", "key": "…", "size": 200}`. `time` is ISO 8601 or
 * milliseconds since the epoch; `mget` has `keys` instead of `key`; `size` is optional.
 */
import type { Operation } from './operation.ts';

const OPS: readonly string[] = ['get', 'set', 'delete', 'mget'] satisfies Operation['op'][];

/** The operation, or why the line is not one. */
export function accessLine(line: string): Operation | string {
  let fields: unknown;
  try {
    fields = JSON.parse(line);
  } catch {
    return 'not JSON';
  }
  if (typeof fields !== 'object' || fields === null) return 'not a JSON object';
  const { time, op, key, keys, size } = fields as Record<string, unknown>;
  const atMs = typeof time === 'number' ? time : Date.parse(String(time));
  if (!Number.isFinite(atMs)) return 'no time';
  if (typeof op !== 'string' || !OPS.includes(op)) return 'unknown operation';
  const named = op === 'mget' ? keys : [key];
  if (!Array.isArray(named) || named.length === 0 || !named.every(isKey)) return 'no key';
  const known = typeof size === 'number' && size >= 0 ? { bytes: Math.round(size) } : {};
  return { atMs, op: op as Operation['op'], keys: named, ...known };
}

function isKey(key: unknown): key is string {
  return typeof key === 'string' && key !== '';
}
