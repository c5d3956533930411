/** `subscribe` and `unsubscribe`: a snapshot, followed by every later change, without a gap. */
import * as v from 'valibot';
import type { Requester } from '../access/requester.ts';
import type { Dependents } from '../cache/dependencies/dependents.ts';
import { checkKey } from '../cache/key-and-ttl.ts';
import type { Loaded } from '../cache/loaded.ts';
import type { Quality } from '../cache/quality/quality.ts';
import { remarksOn } from '../cache/quality/read.ts';
import { turns } from '../cache/turns.ts';
import { NotConvertible } from '../codec/errors.ts';
import { ServiceError } from '../errors.ts';
import { TYPES, typeIndex } from '../key.ts';
import type { Codec, Frame, RequestId, SnapshotItem } from './codec.ts';
import type { Consumer } from './consumer.ts';
import type { RequestDeps } from './deps.ts';
import type { Position } from './history.ts';
import type { Hub } from './hub.ts';
import { reserve, usageOf } from './quota.ts';
import { changedKeys, keysOf } from './snapshot-keys.ts';
import type { Interest, Subscription } from './subscriptions.ts';

const INTEREST = v.looseObject({
  keys: v.optional(v.array(v.string()), []),
  types: v.optional(v.array(v.picklist(TYPES)), []),
  prefixes: v.optional(v.array(v.pipe(v.string(), v.minLength(1))), []),
  values: v.optional(v.boolean(), false),
  interval: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.maxValue(60_000))),
  resume: v.optional(
    v.strictObject({ epoch: v.string(), offset: v.pipe(v.number(), v.safeInteger(), v.minValue(0)) }),
  ),
});

/** Larger pages of snapshots are read one or two at a time, so that one turn does not handle the answers to many. */
const SMALL_PAGE = 100;

/** Names of ended subscriptions that are removed in one turn of the event loop. */
const NAMES_A_TURN = 2000;

/** How often a value of a snapshot is read again that changes meanwhile. Later states are sent after the snapshot. */
const MOST_ATTEMPTS = 3;

/** A frame of a snapshot ends after this number of keys, or after about this number of bytes. */
const PART = 500;
const PART_BYTES = 1024 * 1024;

/**
 * Subscribes in three steps:
 * 1. The subscription takes effect, with its consumer on hold: changes are queued.
 * 2. The snapshot is read and sent.
 * 3. Queued changes are sent, except changes that the snapshot already contains.
 *
 * So a change during the subscription is either in the snapshot or sent after it, never both.
 */
export async function subscribe(
  deps: RequestDeps,
  consumer: Consumer,
  id: RequestId,
  { data }: Frame,
  requester: Requester,
): Promise<void> {
  await begin(deps, consumer, id, interestOf(data, deps, 'frame_invalid'), requester)();
}

/** What a client subscribes to, and where it resumes. */
type Wish = Interest & { readonly resume: Position | undefined };

/**
 * The first step. Returns the function that takes the other two.
 * @throws ServiceError where the subscription is not allowed
 */
export function begin(
  deps: RequestDeps,
  consumer: Consumer,
  id: RequestId,
  { resume, ...interest }: Wish,
  requester: Requester,
): () => Promise<void> {
  requester.requireInterest(interest);
  if (consumer.subscriptions.has(id))
    throw new ServiceError('frame_invalid', 'another subscription of this socket has this id', 'id');
  if (consumer.subscriptions.size >= deps.limits.maxSubscriptions)
    throw new ServiceError(
      'too_many_subscriptions',
      `at most ${deps.limits.maxSubscriptions} subscriptions are allowed per socket`,
    );
  const { hub } = deps;
  reserve(deps, usageOf(interest, id), consumer.usage, hub.usage);
  const subscription: Subscription<Consumer> = { ...interest, subscriber: consumer };
  if (consumer.subscriptions.size === 0) consumer.position = hub.history.position;
  consumer.hold();
  consumer.subscriptions.set(id, subscription);
  hub.subscriptions.add(subscription);
  return async () => {
    try {
      await sendSnapshot(deps, consumer, id, subscription, resume);
    } catch (error) {
      if (consumer.subscriptions.get(id) === subscription) {
        remove(hub, consumer, id);
        forget(hub, consumer);
      }
      throw error;
    } finally {
      consumer.release();
    }
  };
}

/** Ends the subscription whose `subscribe` request had this id, or all subscriptions of the socket without an id. */
export function unsubscribe({ hub }: RequestDeps, consumer: Consumer, id: RequestId, { data }: Frame): void {
  const { subscription } = data;
  const known = consumer.subscriptions;
  const ending = subscription === undefined ? [...known.keys()] : [subscription as RequestId];
  if (subscription !== undefined && !known.has(subscription as RequestId))
    throw new ServiceError('frame_invalid', 'this socket has no subscription with this id', 'subscription');
  for (const each of ending) remove(hub, consumer, each);
  forget(hub, consumer);
  consumer.reply(consumer.codec.done(id, { unsubscribed: ending.length }));
}

/** Ends all subscriptions of a client that has disconnected. */
export async function endAll(hub: Hub, consumer: Consumer): Promise<void> {
  let names = 0;
  for (const [id, subscription] of [...consumer.subscriptions]) {
    names += usageOf(subscription, id).names;
    if (names > NAMES_A_TURN) {
      await turns.next();
      names = 0;
    }
    remove(hub, consumer, id);
  }
}

function remove(hub: Hub, consumer: Consumer, id: RequestId): void {
  const subscription = consumer.subscriptions.get(id);
  if (subscription === undefined) return;
  consumer.subscriptions.delete(id);
  const usage = usageOf(subscription, id);
  consumer.usage.remove(usage);
  hub.usage.remove(usage);
  hub.subscriptions.remove(subscription);
}

/** The client receives no later change of the keys of ended subscriptions, so their queued states are dropped too. */
function forget(hub: Hub, consumer: Consumer): void {
  consumer.forgetWhere((key) => !hub.subscriptions.of(key).has(consumer));
}

/** @param code of the error for an invalid member */
export function interestOf(
  data: Frame['data'],
  { limits }: RequestDeps,
  code: 'frame_invalid' | 'query_invalid',
): Wish {
  const parsed = v.safeParse(INTEREST, data, { abortEarly: true });
  if (!parsed.success) {
    const [issue] = parsed.issues;
    throw new ServiceError(code, issue.message, String(issue.path?.[0]?.key ?? 'frame'));
  }
  const { keys, types, prefixes, values, interval = 0, resume } = parsed.output;
  const count = keys.length + types.length + prefixes.length;
  if (count === 0) throw new ServiceError(code, 'a subscription requires keys, types or prefixes', 'keys');
  if (count > limits.maxBatchKeys)
    throw new ServiceError(
      code,
      `at most ${limits.maxBatchKeys} keys, types and prefixes are allowed in one subscription`,
      'keys',
    );
  for (const [i, key] of keys.entries()) checkKey(key, limits.maxKeyBytes, `keys[${i}]`);
  for (const [i, prefix] of prefixes.entries())
    if (prefix.length > limits.maxKeyBytes)
      throw new ServiceError(
        code,
        `a prefix may have at most ${limits.maxKeyBytes} characters`,
        `prefixes[${i}]`,
      );
  return { keys, types: types.map((name) => typeIndex(name)!), prefixes, values, interval, resume };
}

/** The keys that changed after a position, and the named keys that depend on them; undefined if not known. */
function changedSince(
  { cache: { dependents }, hub }: RequestDeps,
  { keys, types, prefixes }: Interest,
  resume: Position,
): Set<string> | undefined {
  const changed = hub.history.since(resume);
  if (changed === undefined || dependents === undefined) return changed;
  const { changes } = dependents;
  // Dependents are not listed anywhere, so a change of an input makes a complete snapshot necessary.
  if (changes.concernsAny(types, prefixes) && [...changed].some((key) => changes.isInput(key)))
    return undefined;
  const outdated = keys.filter((key) => changes.inputsOf(key).some((input) => changed.has(input)));
  return new Set([...changed, ...outdated]);
}

async function sendSnapshot(
  deps: RequestDeps,
  consumer: Consumer,
  id: RequestId,
  subscription: Subscription<Consumer>,
  resume: Position | undefined,
): Promise<void> {
  const { values } = subscription;
  const { cache, clock, hub } = deps;
  const { codec } = consumer;
  const changed = resume && changedSince(deps, subscription, resume);
  const resumed = resume && changed !== undefined;
  let readKeys: string[] = [];
  let items: SnapshotItem[] = [];
  let bytes = 0;
  const send = (more: boolean) => {
    if (consumer.subscriptions.get(id) !== subscription)
      throw new ServiceError('frame_invalid', 'the subscription was ended before its snapshot was complete');
    if (cache.dependents !== undefined) items = items.map((item) => settledItem(item, cache.dependents!));
    items = items.map((item) => judgedItem(item, cache.quality));
    if (!resumed) items = items.filter(({ code }) => code !== 'cache_miss');
    // Queued notices are older than the snapshot. Sent after it, they would invalidate its entries.
    consumer.sendNotices();
    const { coherence } = cache;
    consumer.reply(codec.snapshot(id, { items, values, now: clock.now, resumed, more, coherence }));
    // Queues the states that the hub learned from the reads of this snapshot, so that `settle` can remove them.
    hub.flush();
    const sent = new Map(items.map((item) => [item.key, item]));
    // Another subscription may have sent a value of a key that this snapshot omits. Its deletion must be sent.
    const isOnly = consumer.subscriptions.size === 1;
    for (const key of readKeys) {
      const item = sent.get(key);
      if (isOnly || item?.entry !== undefined) settle(consumer, key, item, values);
    }
    readKeys = [];
    items = [];
    bytes = 0;
  };
  /**
   * Reads values again whose inputs may have changed unnoticed. Reads keys again whose known state is another one now,
   * because another snapshot of the socket may have sent that state.
   */
  const readAgain = async () => {
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      const doubtful = items.filter(
        ({ key, entry }) =>
          entry !== undefined &&
          (cache.dependents?.isCurrent(entry) === false || hub.known.hasAnother(key, entry.version)),
      );
      if (doubtful.length === 0) return;
      const read = async ({ key }: SnapshotItem) => [key, await itemFor(deps, codec, key, values)] as const;
      const anew = new Map(await Promise.all(doubtful.map(read)));
      items = items.map((item) => (anew.has(item.key) ? (anew.get(item.key) ?? missing(item.key)) : item));
    }
  };
  const gates = { all: hub.scans, socket: consumer.scans };
  const start = hub.history.position;
  const changedMeanwhile = () => hub.history.since(start) ?? [];
  const pages =
    changed === undefined
      ? keysOf(cache, subscription, gates, changedMeanwhile)
      : changedKeys(changed, subscription);
  for await (const page of pages) {
    if (consumer.closed) return;
    const read = () => Promise.all(page.map((key) => itemFor(deps, codec, key, values)));
    const found = await (page.length > SMALL_PAGE ? hub.pages.run(read) : read());
    for (const [i, key] of page.entries()) {
      readKeys.push(key);
      const item = found[i] ?? haltedItem(key, cache.quality) ?? (resumed ? missing(key) : undefined);
      if (item === undefined) continue;
      items.push(item);
      bytes += (values && item.entry?.bytes) || key.length;
      if (items.length < PART && bytes < PART_BYTES) continue;
      await readAgain();
      send(true);
      await consumer.writable();
    }
  }
  await readAgain();
  send(false);
}

/** The item of a key without a value that may be served. */
function missing(key: string): SnapshotItem {
  return { key, code: 'cache_miss' };
}

/**
 * An input may have changed since the item was read and compared, and the notice of that change is sent before the
 * snapshot. A value with a code is known to be perhaps old.
 */
function settledItem(item: SnapshotItem, dependents: Dependents): SnapshotItem {
  const { key, entry, code } = item;
  if (entry === undefined) return item;
  const isOld =
    dependents.outdates(entry) !== undefined || (code === undefined && !dependents.isCurrent(entry));
  return isOld ? missing(key) : item;
}

/** The item of a halted key; undefined for any other. */
function haltedItem(key: string, quality: Quality): SnapshotItem | undefined {
  const halt = quality.haltOf(key);
  const remarks = halt && { quality: halt.quality, qualityReason: halt.reason };
  return remarks && { key, code: 'halted', remarks };
}

/** Adds the quality of the value. The value of a halted key is left out. */
function judgedItem(item: SnapshotItem, quality: Quality): SnapshotItem {
  const { key, entry } = item;
  const remarks = entry && remarksOn(quality, entry);
  if (remarks === undefined) return item;
  return haltedItem(key, quality) ?? { ...item, remarks };
}

/** The item of a key for the snapshot; undefined if the key has no value. */
async function itemFor(
  { cache, hub }: RequestDeps,
  codec: Codec,
  key: string,
  values: boolean,
): Promise<SnapshotItem | undefined> {
  let loaded: Loaded;
  let counts: boolean;
  const read = () => cache.look(key);
  const learn = (result: Loaded) => {
    const { entry, source } = result;
    if (source === 'unknown' || source === 'l1-stale') hub.retryLater(key);
    else if (source === 'pending' && entry === undefined) hub.retryLater(key);
    else hub.found(key, result);
  };
  do [loaded, counts] = await hub.reads.read(key, read, learn);
  while (!counts);
  const { entry, source, fault } = loaded;
  const isPendingDeletion = source === 'pending' && entry === undefined;
  // As for `mget`: the value may be stale, or the change is pending.
  const code = source === 'pending' ? 'l2_unavailable' : fault?.code;
  if (source === 'unknown' || isPendingDeletion) return { key, code };
  if (entry === undefined) return undefined;
  try {
    if (values) entry[codec.encoding];
    return { key, entry, code };
  } catch (error) {
    if (!(error instanceof NotConvertible)) throw error;
    return { key, code: 'not_acceptable' };
  }
}

/**
 * Removes the queued state of a key if the snapshot contains the same state. The hub has learned the state from the
 * snapshot's read too, so the queued state is either the same or newer.
 */
function settle(consumer: Consumer, key: string, item: SnapshotItem | undefined, values: boolean): void {
  if (item?.code !== undefined && item.code !== 'cache_miss') return;
  consumer.settle(key, item?.entry?.version, values);
}
