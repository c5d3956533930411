/** The requests of a log, and the values that they expect. */
import { LOCAL_HEAD } from '../support/head.ts';
import { type Encode, httpWith, type Prepared } from '../traffic/prepared.ts';
import type { RequestAt } from '../traffic/requests.ts';
import type { Operation } from './operation.ts';

/** Size of a value, if the log does not have it. */
const USUAL_BYTES = 250;
/** Longer than any replay, so that no value expires during it. */
const TTL_SECONDS = 86_400;

/** @param head header lines of every request, each with its line end */
export function requestsOf(operations: readonly Operation[], head = LOCAL_HEAD): RequestAt {
  const http = httpWith(head);
  // Popular requests repeat often.
  const made = new Map<string, Prepared>();
  return (n) => {
    const operation = operations[n]!;
    const { op, keys, bytes } = operation;
    const name = `${op} ${op === 'set' ? (bytes ?? '') : ''} ${keys.join(' ')}`;
    const known = made.get(name);
    if (known !== undefined) return known;
    const request = requestOf(http, operation);
    made.set(name, request);
    return request;
  };
}

function requestOf(http: Encode, { op, keys, bytes = USUAL_BYTES }: Operation): Prepared {
  const [key] = keys;
  switch (op) {
    case 'get':
      return http.get(key!);
    case 'mget':
      return http.mget(keys);
    case 'set':
      return http.set(key!, jsonOf(bytes));
    case 'delete':
      return http.delete(key!);
  }
}

/**
 * The values that must exist before the first request, as lines for `warmup --format ndjson`: each key that the log
 * reads before it writes or deletes it, unless the log shows an empty read (`size` 0).
 */
export function* expectedData(operations: readonly Operation[]): Generator<string> {
  const seen = new Set<string>();
  for (const { op, keys, bytes } of operations) {
    for (const key of keys) {
      if (seen.has(key)) continue;
      seen.add(key);
      if (op === 'set' || op === 'delete' || bytes === 0) continue;
      const size = bytes === undefined ? USUAL_BYTES : Math.ceil(bytes / keys.length);
      yield `{"key":${JSON.stringify(key)},"value":${jsonOf(size)},"ttl":${TTL_SECONDS}}\n`;
    }
  }
}

/** A JSON string with this size, quotes included. */
function jsonOf(bytes: number): string {
  return `"${'v'.repeat(Math.max(0, bytes - 2))}"`;
}
