/** Reads what the write script returns for each key. `write.lua` defines it. */
import type { RemovalOutcome, WriteOutcome } from '../cache/store.ts';
import type { Version } from '../cache/version.ts';
import type { Change } from './change-call.ts';
import { isBytes } from './unexpected-replies.ts';

/** A status and its detail. */
export type ScriptResult = [status: Buffer, detail: Buffer];

export function isOutcome(reply: [Buffer, Buffer]): boolean {
  return Array.isArray(reply) && reply.length === 2 && reply.every(isBytes);
}

export function isSet(status: string): boolean {
  return status === 'created' || status === 'replaced';
}

export function versionFrom(raw: Buffer): Version | undefined {
  return raw.length === 0 ? undefined : raw.toString('hex');
}

/**
 * Returns where a change was made: by this call, or perhaps by an earlier one, so that a replay finds it. Undefined where
 * it was not made.
 */
export function whereMade(
  { late, version }: Change,
  [raw, detail]: ScriptResult,
): 'here' | 'earlier' | undefined {
  const status = raw.toString('latin1');
  if (isSet(status) || status === 'deleted') return 'here';
  if (status === 'repeated') return 'earlier';
  const found = status === 'absent' || (status === 'refused' && versionFrom(detail) === version);
  return late && found ? 'earlier' : undefined;
}

const STATUSES: ReadonlyMap<string, string> = new Map([
  ['c', 'created'],
  ['r', 'replaced'],
  ['d', 'deleted'],
  ['a', 'absent'],
]);

/** Returns the outcome that the script returned, for each status but `late` and `error`. */
export function outcomeFrom([raw, detail]: ScriptResult): WriteOutcome | RemovalOutcome {
  const status = raw.toString('latin1');
  if (status === 'reused') return { status: 'refused', version: undefined, reused: true };
  if (status !== 'repeated') return { status, version: versionFrom(detail) } as WriteOutcome | RemovalOutcome;
  const first = STATUSES.get(detail.toString('latin1', 0, 1));
  return { status: first, version: storedBy([raw, detail]), repeated: true } as WriteOutcome | RemovalOutcome;
}

/** The version that a change stored; undefined for a delete. */
export function storedBy([raw, detail]: ScriptResult): Version | undefined {
  return versionFrom(raw.toString('latin1') === 'repeated' ? detail.subarray(1) : detail);
}
