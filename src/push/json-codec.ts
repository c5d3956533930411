import { lesserState } from '../cache/bus.ts';
import { keep } from '../cache/entry.ts';
import {
  membersAsJson,
  originAsJson,
  remarksAsJson,
  resultsAsJson,
  sendable,
  ttlOf,
} from '../cache/results.ts';
import { atOnce } from '../cache/turns.ts';
import { checkJson } from '../codec/json-check.ts';
import * as read from '../codec/json-read.ts';
import { readJsonRequest } from '../codec/json-request.ts';
import { ServiceError } from '../errors.ts';
import {
  type Codec,
  type Failure,
  failureOf,
  MAX_FRAME_ITEMS,
  type RequestId,
  type SnapshotItem,
  type SnapshotPart,
} from './codec.ts';
import { plainGetInJson } from './plain-get.ts';

/** Up to this size the built-in parser is faster. */
const MOST_PARSED_BYTES = 64 * 1024;

/** `ratecache.v1.json`: text frames. */
export const jsonCodec: Codec = {
  name: 'json',
  encoding: 'json',

  decode(message) {
    // uWS closes a connection that sends a text frame with invalid UTF-8. In a binary frame such bytes are replaced.
    const text = message.toString();
    const large = message.length > MOST_PARSED_BYTES;
    let data: unknown;
    try {
      data = large ? readLarge(message, text) : JSON.parse(text);
    } catch (error) {
      throw new ServiceError('frame_invalid', `the frame is not JSON: ${(error as Error).message}`);
    }
    if (typeof data !== 'object' || data === null || Array.isArray(data))
      throw new ServiceError('frame_invalid', 'expected an object as the frame');
    return {
      data: data as Record<string, unknown>,
      value() {
        const span = large ? (data as { value?: read.Span }).value : read.member(text, 0, 'value');
        return span && { encoding: 'json', body: keep('json', Buffer.from(text.slice(...span))) };
      },
    };
  },

  plainGet: plainGetInJson,

  item: (id, found, now, coherence) => {
    const result = sendable(found, 'json');
    if (result.status === 'error') return failure(id, result);
    return `${head(id)},${state(lesserState(coherence))}${membersAsJson(result, now)}`;
  },
  results: (id, results, now, coherence, limit) =>
    `${head(id)},${state(lesserState(coherence))}"results":${resultsAsJson(results, now, limit)}}`,
  snapshot: (id, part) => `${head(id)},${snapshotMembers(part)}}`,
  done: (id, fields) =>
    fields === undefined ? `${head(id)}}` : `${head(id)},${JSON.stringify(fields).slice(1)}`,
  failed: (id, error) => failure(id, failureOf(error)),

  update: (key, entry, ttl, merged, code, remarks) =>
    `{"event":"update","key":${JSON.stringify(key)},"version":"${entry.version}"${originAsJson(entry)},"ttl":${ttl},"value":${entry.json}${count(merged)}${mark(code)}${remarksAsJson(remarks)}}`,
  invalidate: (key, reason, merged, remarks) =>
    `{"event":"invalidate","key":${JSON.stringify(key)},"reason":"${reason}"${count(merged)}${remarksAsJson(remarks)}}`,
  invalidateMatch: (match, reason) => JSON.stringify({ event: 'invalidate', ...match, reason }),
  reset: (reason) => `{"event":"reset","reason":"${reason}"}`,
  heartbeat: (beat) => JSON.stringify({ event: 'heartbeat', ...beat }),
};

/**
 * Reads a large frame without building its value, and within a limit of what it builds. `JSON.parse` takes ten times as
 * long for the worst texts.
 */
function readLarge(message: Buffer, text: string): unknown {
  atOnce(checkJson(message));
  return atOnce(readJsonRequest(text, MAX_FRAME_ITEMS));
}

function head(id: RequestId): string {
  return `{"id":${typeof id === 'number' ? id : JSON.stringify(id)},"ok":true`;
}

function failure(id: RequestId | undefined, { code, detail, field, retryAfterMs, age }: Failure): string {
  return JSON.stringify({ id: id ?? null, ok: false, code, detail, field, retryAfterMs, age });
}

function state(coherence: string | undefined): string {
  return coherence === undefined ? '' : `"coherence":"${coherence}",`;
}

function count(merged: number): string {
  return merged === 0 ? '' : `,"merged":${merged}`;
}

function mark(code: string | undefined): string {
  return code === undefined ? '' : `,"code":"${code}"`;
}

/** The members of a snapshot, without braces. */
export function snapshotMembers({ items, values, now, resumed, more, coherence }: SnapshotPart): string {
  const listed = items.map((item) => snapshotItem(item, values, now)).join(',');
  const how = resumed === undefined ? '' : `"resumed":${resumed},`;
  return `${state(lesserState(coherence))}${how}"snapshot":[${listed}]${more ? ',"more":true' : ''}`;
}

function snapshotItem({ key, entry, code, remarks }: SnapshotItem, values: boolean, now: number): string {
  const reason = mark(code) + remarksAsJson(remarks);
  if (entry === undefined) return `{"key":${JSON.stringify(key)}${reason}}`;
  const value = values ? `,"value":${entry.json}` : '';
  return `{"key":${JSON.stringify(key)}${reason},"version":"${entry.version}"${originAsJson(entry)},"ttl":${ttlOf(entry, now)}${value}}`;
}
