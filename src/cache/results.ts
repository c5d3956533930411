import { NotConvertible } from '../codec/errors.ts';
import { MsgpackWriter } from '../codec/msgpack-write.ts';
import type { ErrorCode } from '../errors.ts';
import type { Encoding, Entry, Prepared } from './entry.ts';
import type { Version } from './version.ts';

/** What became of one key of a batch. */
export type ItemResult =
  /** `code` where L2 could not be asked, so that the value may be out of date. */
  | {
      readonly key: string;
      readonly status: 'hit';
      readonly entry: Entry;
      readonly code?: ErrorCode | undefined;
    }
  /** `code` where L2 could not be asked, so that the key may exist. */
  | { readonly key: string; readonly status: 'miss'; readonly code?: ErrorCode }
  /** `code` where the change is pending, `warning` as `keyWarning` returns it. */
  | {
      readonly key: string;
      readonly status: 'stored';
      readonly version: Version;
      readonly code?: ErrorCode;
      readonly warning?: string;
    }
  | { readonly key: string; readonly status: 'deleted'; readonly code?: ErrorCode }
  | { readonly key: string; readonly status: 'error'; readonly code: ErrorCode; readonly detail: string };

/** The result, or the error that stands for it where the encoding cannot hold its value. */
export function sendable(result: ItemResult, encoding: Encoding): ItemResult {
  if (result.status !== 'hit') return result;
  try {
    // Converts on first need, and is kept.
    if (encoding === 'json') result.entry.json;
    else result.entry.packed;
    return result;
  } catch (error) {
    return refusal(result.key, error);
  }
}

/** The results as a JSON array. Values go in as the bytes they were written as. @param now in ms */
export function resultsAsJson(results: readonly ItemResult[], now: number): string {
  let text = '[';
  for (const result of results) {
    if (text.length > 1) text += ',';
    text += resultAsJson(result, now);
  }
  return `${text}]`;
}

/** One result as a JSON object. */
function resultAsJson(result: ItemResult, now: number): string {
  return `{${membersAsJson(result, now)}`;
}

/** What follows the opening brace of a result as a JSON object, to its end. */
export function membersAsJson(result: ItemResult, now: number): string {
  if (result.status !== 'hit') return JSON.stringify(result).slice(1);
  const { key, entry, code } = result;
  try {
    const stale = code === undefined ? '' : `,"code":"${code}"`;
    return `${jsonMembers(entry)}${ttl(entry, now)}${stale}}`;
  } catch (error) {
    return JSON.stringify(refusal(key, error)).slice(1);
  }
}

/** The results as a msgpack array, written to `out`. Values go in as bytes. @param now in ms */
export function writeResults(out: MsgpackWriter, results: readonly ItemResult[], now: number): void {
  out.array(results.length);
  for (const result of results) writeResult(out, result, now);
}

/** Begins a map of so many members. */
type Open = (out: MsgpackWriter, members: number) => void;

// Made once: an `mget` of 100 would make a hundred.
const openMap: Open = (out, members) => out.map(members);

/**
 * One result, written to `out` as a map.
 * @param open given where it has other members before these
 */
export function writeResult(out: MsgpackWriter, result: ItemResult, now: number, open: Open = openMap): void {
  if (result.status !== 'hit') return writeStrings(out, result, open);
  const { key, entry, code } = result;
  try {
    // Converted first: should it be refused, nothing has been written yet.
    entry.packed;
  } catch (error) {
    return writeStrings(out, refusal(key, error), open);
  }
  open(out, code === undefined ? 5 : 6);
  writeMembers(out, entry);
  out.int(ttl(entry, now));
  if (code === undefined) return;
  out.str('code');
  out.str(code);
}

/** Larger values are not kept a second time: copying them is most of the work. */
const MOST_PREPARED_BYTES = 4096;

// An entry that is asked for once is not prepared: many never are again.
const ASKED_ONCE: Prepared = { json: undefined, msgpack: undefined };

/** The members of a hit but for the number at its end, which changes every second. */
function jsonMembers(entry: Entry): string {
  const { prepared } = entry;
  if (prepared?.json !== undefined) return prepared.json;
  const value = entry.json;
  const members = `"key":${JSON.stringify(entry.key)},"status":"hit","value":${value},"version":"${entry.version}","ttl":`;
  if (prepared === undefined) entry.prepared = ASKED_ONCE;
  else if (value.length <= MOST_PREPARED_BYTES)
    // Through bytes, since V8 keeps a concatenation as its parts.
    entry.prepared = { ...prepared, json: Buffer.from(members).toString() };
  return members;
}

// Of its own, since what is prepared is needed while the caller's is half written.
const membersOut = new MsgpackWriter();

function writeMembers(out: MsgpackWriter, entry: Entry): void {
  const { prepared } = entry;
  if (prepared?.msgpack !== undefined) return out.raw(prepared.msgpack);
  if (prepared === undefined || entry.packed.length > MOST_PREPARED_BYTES) {
    entry.prepared ??= ASKED_ONCE;
    return writeMembersTo(out, entry);
  }
  membersOut.reset();
  writeMembersTo(membersOut, entry);
  const msgpack = membersOut.take();
  entry.prepared = { ...prepared, msgpack };
  out.raw(msgpack);
}

function writeMembersTo(out: MsgpackWriter, entry: Entry): void {
  out.str('key');
  out.str(entry.key);
  out.str('status');
  out.str('hit');
  out.str('value');
  out.held(entry.packed);
  out.str('version');
  out.str(entry.version);
  out.str('ttl');
}

function writeStrings(out: MsgpackWriter, result: Readonly<Record<string, string>>, open: Open): void {
  const members = Object.entries(result);
  open(out, members.length);
  for (const [name, text] of members) {
    out.str(name);
    out.str(text.toWellFormed());
  }
}

function refusal(key: string, error: unknown) {
  if (!(error instanceof NotConvertible)) throw error;
  return { key, status: 'error', code: 'not_acceptable' satisfies ErrorCode, detail: error.reason } as const;
}

/** Whole seconds that the value still lives. */
function ttl(entry: Entry, now: number): number {
  return Math.max(0, Math.floor((entry.expiresAt - now) / 1000));
}
