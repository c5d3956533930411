import { type CoherenceState, lesserState } from '../cache/bus.ts';
import { keep } from '../cache/entry.ts';
import {
  originMembers,
  remarkMembers,
  sendable,
  ttlOf,
  writeOrigin,
  writeRemarks,
  writeResult,
  writeResults,
} from '../cache/results.ts';
import { Malformed } from '../codec/errors.ts';
import type { Span } from '../codec/msgpack-read.ts';
import { MsgpackWriter } from '../codec/msgpack-write.ts';
import { unpackRequest } from '../codec/unpack-request.ts';
import { ServiceError } from '../errors.ts';
import { type Codec, type Failure, failureOf, MAX_FRAME_ITEMS, type RequestId } from './codec.ts';
import { plainGetInMsgpack } from './plain-get.ts';

// All frames share one scratch buffer. Sending a frame copies it, so the next frame may overwrite the buffer.
const out = new MsgpackWriter();

/** `ratecache.v1.msgpack`: binary frames. */
export const msgpackCodec: Codec = {
  name: 'msgpack',
  encoding: 'msgpack',

  decode(message) {
    let data: unknown;
    try {
      data = unpackRequest(message, MAX_FRAME_ITEMS);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      throw new ServiceError('frame_invalid', `the frame is not msgpack: ${error.message}`);
    }
    if (typeof data !== 'object' || data === null || Array.isArray(data))
      throw new ServiceError('frame_invalid', 'expected a map as the frame');
    return {
      data: data as Record<string, unknown>,
      value() {
        const span = (data as { value?: Span }).value;
        return span && { encoding: 'msgpack', body: keep('msgpack', message.subarray(...span)) };
      },
    };
  },

  plainGet: plainGetInMsgpack,

  item(id, found, now, coherence) {
    const result = sendable(found, 'msgpack');
    if (result.status === 'error') return failure(id, result);
    writeResult(out, result, now, (_, members) => openAnswer(id, coherence, members));
    return out.bytes();
  },
  results(id, results, now, coherence, limit) {
    openAnswer(id, coherence, 1);
    out.str('results');
    writeResults(out, results, now, limit);
    return out.bytes();
  },
  snapshot(id, { items, values, now, resumed, more, coherence }) {
    openAnswer(id, coherence, 1 + (more ? 1 : 0) + (resumed === undefined ? 0 : 1));
    if (resumed !== undefined) flag('resumed', resumed);
    out.str('snapshot');
    out.array(items.length);
    for (const { key, entry, code, remarks } of items) {
      const members = entry === undefined ? 0 : (values ? 3 : 2) + originMembers(entry);
      out.map(1 + members + (code === undefined ? 0 : 1) + remarkMembers(remarks));
      text('key', key);
      if (code !== undefined) text('code', code);
      if (remarks !== undefined) writeRemarks(out, remarks);
      if (entry === undefined) continue;
      text('version', entry.version);
      writeOrigin(out, entry);
      number('ttl', ttlOf(entry, now));
      if (!values) continue;
      out.str('value');
      out.valueBytes(entry.packed);
    }
    if (more) flag('more', true);
    return out.bytes();
  },
  done(id, fields = {}) {
    const members = Object.entries(fields);
    openAnswer(id, 'off', members.length);
    for (const [name, value] of members) {
      out.str(name);
      if (typeof value === 'number') out.int(value);
      else out.str(value.toWellFormed());
    }
    return out.bytes();
  },
  failed: (id, error) => failure(id, failureOf(error)),

  update(key, entry, ttl, merged, code, remarks) {
    // Convert the value first: if it cannot be converted, the scratch buffer is still unchanged.
    const value = entry.packed;
    const others = (merged === 0 ? 0 : 1) + (code === undefined ? 0 : 1) + remarkMembers(remarks);
    open(5 + originMembers(entry) + others, 'update');
    text('key', key);
    text('version', entry.version);
    writeOrigin(out, entry);
    number('ttl', ttl);
    out.str('value');
    out.valueBytes(value);
    count(merged);
    if (code !== undefined) text('code', code);
    if (remarks !== undefined) writeRemarks(out, remarks);
    return out.bytes();
  },
  invalidate(key, reason, merged, remarks) {
    open((merged === 0 ? 3 : 4) + remarkMembers(remarks), 'invalidate');
    text('key', key);
    text('reason', reason);
    count(merged);
    if (remarks !== undefined) writeRemarks(out, remarks);
    return out.bytes();
  },
  invalidateMatch(match, reason) {
    const members = Object.entries(match);
    open(2 + members.length, 'invalidate');
    for (const [name, value] of members) text(name, value);
    text('reason', reason);
    return out.bytes();
  },
  reset(reason) {
    open(2, 'reset');
    text('reason', reason);
    return out.bytes();
  },
  heartbeat({ coherence, time, epoch, offset }) {
    open(5, 'heartbeat');
    text('coherence', coherence);
    number('time', time);
    text('epoch', epoch);
    number('offset', offset);
    return out.bytes();
  },
};

function open(members: number, event: string): void {
  out.reset();
  out.map(members);
  text('event', event);
}

/** Begins an answer. @param members the number of members that the caller writes */
function openAnswer(id: RequestId, coherence: CoherenceState, members: number): void {
  const state = lesserState(coherence);
  out.reset();
  out.map(members + (state === undefined ? 2 : 3));
  writeId(id);
  out.str('ok');
  out.bool(true);
  if (state !== undefined) text('coherence', state);
}

function failure(id: RequestId | undefined, { code, detail, field, retryAfterMs, age }: Failure): Uint8Array {
  out.reset();
  out.map(4 + [field, retryAfterMs, age].filter((member) => member !== undefined).length);
  writeId(id);
  out.str('ok');
  out.bool(false);
  text('code', code);
  text('detail', detail.toWellFormed());
  if (field !== undefined) text('field', field.toWellFormed());
  if (retryAfterMs !== undefined) {
    out.str('retryAfterMs');
    out.int(retryAfterMs);
  }
  if (age !== undefined) {
    out.str('age');
    out.float(age);
  }
  return out.bytes();
}

function writeId(id: RequestId | undefined): void {
  out.str('id');
  if (id === undefined) out.nil();
  else if (typeof id === 'string') out.str(id);
  else if (Number.isSafeInteger(id)) out.int(id);
  else out.float(id);
}

function text(name: string, value: string): void {
  out.str(name);
  out.str(value);
}

function flag(name: string, value: boolean): void {
  out.str(name);
  out.bool(value);
}

function number(name: string, value: number): void {
  out.str(name);
  out.int(value);
}

function count(merged: number): void {
  if (merged !== 0) number('merged', merged);
}
