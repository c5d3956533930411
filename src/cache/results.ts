import { NotConvertible } from '../codec/errors.ts';
import { MsgpackWriter } from '../codec/msgpack-write.ts';
import type { ErrorCode } from '../errors.ts';
import type { Encoding, Entry, Prepared } from './entry.ts';
import type { Version } from './version.ts';

/** Members of a result about its value. They are absent for a good value. */
export interface Remarks {
  readonly quality?: 'suspect' | 'halted' | undefined;
  readonly qualityReason?: string | undefined;
  /** The key whose value takes the place of the requested one. */
  readonly fallback?: string | undefined;
}

/** The outcome for one key of a batch. */
export type ItemResult =
  /** `code` is set where L2 did not answer, so the value may be stale. */
  | {
      readonly key: string;
      readonly status: 'hit';
      readonly entry: Entry;
      readonly code?: ErrorCode | undefined;
      readonly remarks?: Remarks | undefined;
    }
  /** `code` is set where L2 did not answer, so the key may exist. */
  | (Omit<Remarks, 'fallback'> & {
      readonly key: string;
      readonly status: 'miss';
      readonly code?: ErrorCode;
    })
  /** `code` is set where the change is pending. `warning` comes from `keyWarning`. */
  | {
      readonly key: string;
      readonly status: 'stored';
      readonly version: Version;
      readonly code?: ErrorCode;
      readonly warning?: string;
    }
  | { readonly key: string; readonly status: 'deleted'; readonly code?: ErrorCode }
  /** `age` is set where the terms of the reader were not met: how old the data is, in seconds. */
  | (Omit<Remarks, 'fallback'> & {
      readonly key: string;
      readonly status: 'error';
      readonly code: ErrorCode;
      readonly detail: string;
      readonly age?: number | undefined;
    });

/** Returns the result, or an error result where the encoding cannot represent its value. */
export function sendable(result: ItemResult, encoding: Encoding): ItemResult {
  if (result.status !== 'hit') return result;
  try {
    // The getter converts the value on first need, and the entry stores it.
    if (encoding === 'json') result.entry.json;
    else result.entry.packed;
    return result;
  } catch (error) {
    return refusal(result.key, error);
  }
}

/** Limits the answer to a batch: a value is not added to an answer that has this size already. */
export interface AnswerLimit {
  readonly maxBytes: number;
  /** Called for each value that is left out. */
  readonly onRefused: () => void;
}

/** Returns the result for an answer that has reached its limit: an error if the result has a value. */
function beyond(result: ItemResult, { maxBytes, onRefused }: AnswerLimit): ItemResult {
  if (result.status !== 'hit') return result;
  onRefused();
  const detail = `the answer has ${maxBytes} bytes of other values already; request the key separately`;
  return { key: result.key, status: 'error', code: 'answer_too_large', detail };
}

/** Returns the results as a JSON array. Values are copied, not parsed. @param now in ms */
export function resultsAsJson(results: readonly ItemResult[], now: number, limit: AnswerLimit): string {
  const { maxBytes } = limit;
  let text = '[';
  for (const result of results) {
    if (text.length > 1) text += ',';
    text += resultAsJson(text.length < maxBytes ? result : beyond(result, limit), now);
  }
  return `${text}]`;
}

function resultAsJson(result: ItemResult, now: number): string {
  return `{${membersAsJson(result, now)}`;
}

/** Returns a result as a JSON object without its opening brace. */
export function membersAsJson(result: ItemResult, now: number): string {
  if (result.status !== 'hit') return JSON.stringify(result).slice(1);
  const { key, entry, code, remarks } = result;
  try {
    const stale = code === undefined ? '' : `,"code":"${code}"`;
    const members = remarks?.fallback === undefined ? jsonMembers(entry) : jsonMembersOf(entry, key);
    return `${members}${ttlOf(entry, now)}${stale}${remarksAsJson(remarks)}}`;
  } catch (error) {
    return JSON.stringify(refusal(key, error)).slice(1);
  }
}

/** Writes the results to `out` as a msgpack array. Values are copied, not decoded. @param now in ms */
export function writeResults(
  out: MsgpackWriter,
  results: readonly ItemResult[],
  now: number,
  limit: AnswerLimit,
): void {
  const { maxBytes } = limit;
  out.array(results.length);
  for (const result of results) writeResult(out, out.size < maxBytes ? result : beyond(result, limit), now);
}

/** Writes the header of a map with `members` members, and perhaps some members before those of the result. */
type Open = (out: MsgpackWriter, members: number) => void;

// A constant, because a default of a parameter would be a new function for each item.
const openMap: Open = (out, members) => out.map(members);

/**
 * Writes one result to `out` as a map.
 * @param open passed where the map has other members before those of the result
 */
export function writeResult(out: MsgpackWriter, result: ItemResult, now: number, open: Open = openMap): void {
  if (result.status !== 'hit') return writePlain(out, result, open);
  const { key, entry, code, remarks } = result;
  try {
    // The conversion comes first: if it fails, nothing has been written yet.
    entry.packed;
  } catch (error) {
    return writePlain(out, refusal(key, error), open);
  }
  open(out, (code === undefined ? 5 : 6) + originMembers(entry) + remarkMembers(remarks));
  if (remarks?.fallback === undefined) writeMembers(out, entry);
  else writeMembersTo(out, entry, key);
  out.int(ttlOf(entry, now));
  if (code !== undefined) {
    out.str('code');
    out.str(code);
  }
  if (remarks !== undefined) writeRemarks(out, remarks);
}

/** The encoded result of a larger value is not stored: copying the value is most of the work anyway. */
const MOST_PREPARED_BYTES = 4096;

// The first read only marks the entry, and the second read stores the encoded result: many entries are read once.
const READ_ONCE: Prepared = { json: undefined, msgpack: undefined };

/** Returns the members of a hit without the value of `ttl` at its end, which changes every second. */
function jsonMembers(entry: Entry): string {
  const { prepared } = entry;
  if (prepared?.json !== undefined) return prepared.json;
  const members = jsonMembersOf(entry, entry.key);
  if (prepared === undefined) entry.prepared = READ_ONCE;
  else if (entry.json.length <= MOST_PREPARED_BYTES)
    // The detour through bytes flattens the string: V8 would keep a concatenation as a tree of its parts.
    entry.prepared = { ...prepared, json: Buffer.from(members).toString() };
  return members;
}

/** As `jsonMembers`, under another key. */
function jsonMembersOf(entry: Entry, key: string): string {
  const head = `"key":${JSON.stringify(key)},"status":"hit","value":${entry.json},"version":"${entry.version}"`;
  return `${head}${originAsJson(entry)},"ttl":`;
}

// A second writer, because the caller's writer is in the middle of its own message.
const membersOut = new MsgpackWriter();

function writeMembers(out: MsgpackWriter, entry: Entry): void {
  const { prepared } = entry;
  if (prepared?.msgpack !== undefined) return out.raw(prepared.msgpack);
  if (prepared === undefined || entry.packed.length > MOST_PREPARED_BYTES) {
    entry.prepared ??= READ_ONCE;
    return writeMembersTo(out, entry, entry.key);
  }
  membersOut.reset();
  writeMembersTo(membersOut, entry, entry.key);
  const msgpack = membersOut.take();
  entry.prepared = { ...prepared, msgpack };
  out.raw(msgpack);
}

function writeMembersTo(out: MsgpackWriter, entry: Entry, key: string): void {
  out.str('key');
  out.str(key);
  out.str('status');
  out.str('hit');
  out.str('value');
  out.valueBytes(entry.packed);
  out.str('version');
  out.str(entry.version);
  writeOrigin(out, entry);
  out.str('ttl');
}

/** Returns the members `asOf` and `source` of an entry, after a comma each. The name of a source needs no escapes. */
export function originAsJson({ origin }: Entry): string {
  if (origin === undefined) return '';
  const { asOf, source } = origin;
  const from = asOf === undefined ? '' : `,"asOf":${asOf}`;
  return source === undefined ? from : `${from},"source":"${source}"`;
}

/** The number of members that `writeOrigin` writes. */
export function originMembers({ origin }: Entry): number {
  if (origin === undefined) return 0;
  return (origin.asOf === undefined ? 0 : 1) + (origin.source === undefined ? 0 : 1);
}

export function writeOrigin(out: MsgpackWriter, { origin }: Entry): void {
  if (origin?.asOf !== undefined) {
    out.str('asOf');
    out.int(origin.asOf);
  }
  if (origin?.source !== undefined) {
    out.str('source');
    out.str(origin.source);
  }
}

/** Returns the remarks as members, after a comma each. */
export function remarksAsJson(remarks: Remarks | undefined): string {
  return remarks === undefined ? '' : `,${JSON.stringify(remarks).slice(1, -1)}`;
}

/** The number of members that `writeRemarks` writes. */
export function remarkMembers(remarks: Remarks | undefined): number {
  if (remarks === undefined) return 0;
  return Object.values(remarks).filter((value) => value !== undefined).length;
}

export function writeRemarks(out: MsgpackWriter, remarks: Remarks): void {
  for (const [name, value] of Object.entries(remarks)) {
    if (value === undefined) continue;
    out.str(name);
    out.str(value);
  }
}

function writePlain(
  out: MsgpackWriter,
  result: Readonly<Record<string, string | number | undefined>>,
  open: Open,
): void {
  const members = Object.entries(result).filter(([, value]) => value !== undefined);
  open(out, members.length);
  for (const [name, value] of members) {
    out.str(name);
    if (typeof value === 'number') out.float(value);
    else out.str(value!.toWellFormed());
  }
}

function refusal(key: string, error: unknown) {
  if (!(error instanceof NotConvertible)) throw error;
  return { key, status: 'error', code: 'not_acceptable' satisfies ErrorCode, detail: error.reason } as const;
}

/** Returns the remaining time to live in whole seconds. */
export function ttlOf(entry: Entry, now: number): number {
  return Math.max(0, Math.floor((entry.expiresAt - now) / 1000));
}
