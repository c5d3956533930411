/** The write script and the versions script in TypeScript. `contract.test.ts` compares them with the Lua scripts. */
import { createHash } from 'node:crypto';

const VERSION_OFFSET = 4;
const VERSION_BYTES = 12;
/** How far a stamp may be ahead of Redis's clock. */
const AHEAD_MS = 100;

/** The operations of the database that the scripts use. */
export interface Keyspace {
  get(key: string): Buffer | undefined;
  /** @throws Error with the message of Redis */
  set(key: string, value: Buffer, ttl: string, by: Buffer): void;
  /** @throws Error with the message of Redis */
  unlink(key: string, by: Buffer): boolean;
  publish(channel: string, message: string): void;
  /** A deliberate defect: stamps ahead of the clock are not cut. */
  readonly uncapped?: boolean;
  /** The time of Redis in ms since the epoch. */
  readonly now: number;
}

export type Outcome = [status: string, detail: Buffer];

const NOTHING = Buffer.alloc(0);

/** The version of the stored value, or undefined for an absent key. */
export function storedVersion(value: Buffer | undefined): Buffer | undefined {
  if (value === undefined || value.length === 0) return undefined;
  if (isEnvelope(value)) return value.subarray(VERSION_OFFSET, VERSION_OFFSET + VERSION_BYTES);
  return Buffer.concat([Buffer.alloc(8), createHash('sha1').update(value).digest().subarray(0, 4)]);
}

/** Whether the value has an envelope of one of the three layouts. */
function isEnvelope(value: Buffer): boolean {
  const [lead, layout] = value;
  const known = (lead === 0x97 && layout === 2) || (lead === 0x99 && layout === 3);
  return value.length >= 16 && (known || (lead === 0x96 && layout === 1));
}

/** @param args as the script's ARGV */
export function writeScript(space: Keyspace, keys: readonly string[], args: readonly Buffer[]): Outcome[] {
  const channel = args[0]!.toString();
  const differs = { set: false, delete: false };
  const outcomes = keys.map((key, i): Outcome => {
    const [op, condition, expiry, body, deadline] = args.slice(3 + 5 * i, 8 + 5 * i) as [
      Buffer,
      Buffer,
      Buffer,
      Buffer,
      Buffer,
    ];
    const kind = op.toString() as 'set' | 'delete';
    const outcome = change(space, key, kind, condition, expiry.toString(), body, deadline.toString());
    if (kind === 'set' && isMade(outcome) && !outcome[1].equals(stampOf(kind, body))) differs.set = true;
    if (!isMade(outcome)) differs[kind] = true;
    return outcome;
  });
  if (channel !== '') {
    for (const [op, text] of [
      ['set', args[1]!.toString()],
      ['delete', args[2]!.toString()],
    ] as const) {
      const message = text === '' || !differs[op] ? text : corrected(keys, args, outcomes, op, text);
      if (message !== '') space.publish(channel, message);
    }
  }
  return outcomes;
}

function isMade([status]: Outcome): boolean {
  return status !== 'late' && status !== 'refused' && status !== 'error';
}

function stampOf(op: 'set' | 'delete', body: Buffer): Buffer {
  return op === 'set' ? body.subarray(VERSION_OFFSET, VERSION_OFFSET + VERSION_BYTES) : body;
}

function change(
  space: Keyspace,
  key: string,
  op: 'set' | 'delete',
  condition: Buffer,
  expiry: string,
  body: Buffer,
  deadline: string,
): Outcome {
  if (deadline !== '' && space.now > Number(deadline)) return ['late', NOTHING];
  try {
    const value = space.get(key);
    const present = storedVersion(value);
    const foreign = value !== undefined && present !== undefined && !isEnvelope(value);
    if (!holds(condition, present, foreign, value)) return ['refused', present ?? NOTHING];
    const stamp = stampOf(op, body);
    if (op === 'delete')
      return [space.unlink(key, deleter(stamp, condition)) ? 'deleted' : 'absent', NOTHING];
    const asked = Buffer.from(stamp);
    let version = space.uncapped ? stamp : capped(stamp, space.now);
    if (present !== undefined && Buffer.compare(version, present) <= 0)
      version = successor(present, stamp.subarray(8));
    const envelope = Buffer.from(body);
    version.copy(envelope, VERSION_OFFSET);
    const expires = Number.parseFloat(expiry);
    space.set(
      key,
      envelope,
      Number.isNaN(expires) ? expiry : String(Math.max(1, expires - space.now)),
      asked,
    );
    return [present === undefined ? 'created' : 'replaced', version];
  } catch (error) {
    return ['error', Buffer.from((error as Error).message)];
  }
}

/** The writer of a delete. A delete without a stamp has the writer of its condition. */
function deleter(stamp: Buffer, condition: Buffer): Buffer {
  if (stamp.length > 0) return stamp;
  const sign = String.fromCharCode(condition[0] ?? 0);
  return sign === '<' || sign === '~' ? condition.subarray(1, 1 + VERSION_BYTES) : NOTHING;
}

function holds(
  condition: Buffer,
  present: Buffer | undefined,
  foreign: boolean,
  value: Buffer | undefined,
): boolean {
  const text = condition.toString('latin1');
  if (text === '') return true;
  if (text === 'if-exists') return present !== undefined;
  if (text === 'if-absent') return present === undefined;
  const sign = text[0];
  const named = condition.subarray(1);
  if (sign === '<' || sign === '~') {
    if (present === undefined) return true;
    if (foreign) return sign === '<';
    const version = named.subarray(0, VERSION_BYTES);
    return Buffer.compare(present, version) < 0 && !isNewer(value, named.subarray(VERSION_BYTES));
  }
  if (sign === '@') return !isNewer(value, named);
  let listed = false;
  for (let i = 0; present !== undefined && i < named.length; i += VERSION_BYTES)
    if (present.equals(named.subarray(i, i + VERSION_BYTES))) listed = true;
  return listed === (sign === '=');
}

/** Whether the data of the value is from a later time. */
function isNewer(value: Buffer | undefined, time: Buffer): boolean {
  if (time.length === 0 || value === undefined || value.length < 44) return false;
  if (value[0] !== 0x99 || value[1] !== 3) return false;
  return value.readBigUInt64BE(36) > time.readBigUInt64BE();
}

function capped(stamp: Buffer, now: number): Buffer {
  if (stamp.readUIntBE(0, 6) <= now + AHEAD_MS) return stamp;
  const version = Buffer.alloc(VERSION_BYTES);
  version.writeUIntBE(now, 0, 6);
  stamp.copy(version, 8, 8);
  return version;
}

function successor(version: Buffer, writer: Buffer): Buffer {
  const next = Buffer.from(version);
  for (let i = 7; i >= 0; i--) {
    if (next[i]! < 255) {
      next[i]!++;
      break;
    }
    next[i] = 0;
  }
  writer.copy(next, 8);
  return next;
}

function corrected(
  keys: readonly string[],
  args: readonly Buffer[],
  outcomes: readonly Outcome[],
  op: 'set' | 'delete',
  text: string,
): string {
  const announcement = JSON.parse(text) as { keys: string[]; versions?: string[] };
  const told: string[] = [];
  const versions: string[] = [];
  let asked = 0;
  for (let i = 0; i < keys.length; i++) {
    if (args[3 + 5 * i]!.toString() !== op) continue;
    const at = asked++;
    if (!isMade(outcomes[i]!)) continue;
    told.push(announcement.keys[at]!);
    const stored = op === 'set' ? outcomes[i]![1].toString('hex') : announcement.versions?.[at];
    if (stored !== undefined) versions.push(stored);
  }
  if (told.length === 0) return '';
  const { versions: _, keys: __, ...rest } = announcement;
  return JSON.stringify({ ...rest, keys: told, ...(versions.length > 0 ? { versions } : {}) });
}
