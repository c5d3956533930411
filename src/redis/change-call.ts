/** Builds the arguments of the write script: `write.lua` defines their order. */
import type { Condition } from '../cache/condition.ts';
import type { Removal, Write } from '../cache/store.ts';
import { announceChanges } from './announcement.ts';
import { tagOf } from './cluster/slots.ts';
import { type EnvelopeLimits, pack } from './envelope.ts';

/** The prefix of the records of changes with an idempotency key, of all deployments. */
export const RECORD_PREFIX = '__ratecache__:write:';

export type Change = Write | Removal;

export interface ChangeCallOptions extends EnvelopeLimits {
  readonly keyPrefix: string;
  /** Where changes are announced; undefined for no announcements. */
  readonly channel: string | undefined;
  /** The name of this replica in announcements. */
  readonly origin: string;
  readonly db: number;
  /** For a master of a Cluster: a channel ends with the hash tag of a slot of the master. */
  readonly shard?: { readonly tag: () => string; readonly slotOf: (key: string) => number } | undefined;
}

export interface ChangeCall {
  readonly keys: string[];
  readonly args: (string | number | Buffer)[];
}

/**
 * Returns the keys and arguments of one call of the write script.
 * @param deadline from this time on Redis does not make the changes, in ms of Redis's clock
 * @param onPacked called with the size of each envelope
 */
export function changeCall(
  changes: readonly Change[],
  options: ChangeCallOptions,
  deadline: string,
  onPacked: (key: string, bytes: number) => void,
): ChangeCall {
  const keys: string[] = [];
  const args: ChangeCall['args'] = [channelOf(options), ...announcements(changes, options)];
  for (const change of changes) {
    keys.push(options.keyPrefix + change.key);
    const condition = conditionArgument(change.condition);
    if ('value' in change) {
      const { value, version, storedAt, expiresAt, origin } = change;
      const envelope = pack(value, version, storedAt, expiresAt, options, origin);
      onPacked(change.key, envelope.length);
      args.push('set', condition, expiresAt, envelope, deadline);
    } else args.push('delete', condition, '', Buffer.from(change.version, 'hex'), deadline);
  }
  if (changes.some(({ identity }) => identity !== undefined))
    for (const { key, identity } of changes)
      if (identity === undefined) args.push('', '');
      else args.push(recordName(key, identity.id, options), identity.contents);
  return { keys, args };
}

/** The key of the record of a change. It is outside of the prefix, so that the link does not report it. */
function recordName(key: string, id: string, { shard }: ChangeCallOptions): string {
  return `${RECORD_PREFIX}${id}${shard === undefined ? '' : tagOf(shard.slotOf(key))}`;
}

function channelOf({ channel, shard }: ChangeCallOptions): string {
  return channel === undefined ? '' : channel + (shard?.tag() ?? '');
}

/** Returns what the script publishes for the sets and for the deletes if it makes all changes as requested. */
function announcements(
  changes: readonly Change[],
  { channel, origin, db }: ChangeCallOptions,
): [sets: string, deletes: string] {
  const announce = (reason: 'set' | 'delete') => {
    const of = changes.filter((change) => 'value' in change === (reason === 'set'));
    if (channel === undefined || of.length === 0) return '';
    return announceChanges(
      { origin, db },
      reason,
      of.map(({ key }) => key),
      of.map(({ version }) => version),
    );
  };
  return [announce('set'), announce('delete')];
}

function conditionArgument(condition: Condition | undefined): string | Buffer {
  if (condition === undefined) return '';
  switch (condition.is) {
    case 'if-exists':
    case 'if-absent':
      return condition.is;
    case 'if-older':
      return Buffer.concat([
        Buffer.from(condition.unlessForeign ? '~' : '<'),
        Buffer.from(condition.version, 'hex'),
        ...(condition.asOf === undefined ? [] : [milliseconds(condition.asOf)]),
      ]);
    case 'unless-newer':
      return Buffer.concat([Buffer.from('@'), milliseconds(condition.asOf)]);
    default: {
      const sign = condition.is === 'if-version' ? '=' : '!';
      return Buffer.concat([Buffer.from(sign), Buffer.from(condition.versions.join(''), 'hex')]);
    }
  }
}

/** Returns a time as the script reads it: uint 64. */
function milliseconds(ms: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUIntBE(ms, 2, 6);
  return bytes;
}
