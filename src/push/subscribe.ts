/** `subscribe` and `unsubscribe`: a snapshot, and from then on everything that happens, without gap. */
import * as v from 'valibot';
import { checkKey } from '../cache/check.ts';
import type { Loaded } from '../cache/loaded.ts';
import { matcher } from '../cache/match.ts';
import type { TwoLevel } from '../cache/two-level.ts';
import { NotConvertible } from '../codec/errors.ts';
import { ServiceError } from '../errors.ts';
import { TYPES, typeIndex } from '../key.ts';
import type { Codec, Frame, RequestId, SnapshotItem } from './codec.ts';
import type { Consumer } from './consumer.ts';
import type { RequestDeps } from './deps.ts';
import type { Hub } from './hub.ts';
import type { Interest, Subscription } from './subscriptions.ts';

const INTEREST = v.looseObject({
  keys: v.optional(v.array(v.string()), []),
  types: v.optional(v.array(v.picklist(TYPES)), []),
  prefixes: v.optional(v.array(v.pipe(v.string(), v.minLength(1))), []),
  values: v.optional(v.boolean(), false),
});

/** Keys in one frame of a snapshot, and about how many bytes of values: whichever comes first. */
const PART = 500;
const PART_BYTES = 1024 * 1024;
/** Keys listed from Redis at a time. */
const PAGE = 500;

/**
 * The subscription takes effect first, with its consumer on hold; then the snapshot is taken and sent; then
 * what happened meanwhile follows, less what the snapshot had already. So whatever is written during the
 * subscription is in the snapshot, or comes after it, and not both.
 */
export async function subscribe(
  deps: RequestDeps,
  consumer: Consumer,
  id: RequestId,
  { data }: Frame,
): Promise<void> {
  const interest = interestOf(data, deps);
  if (consumer.subscriptions.has(id))
    throw new ServiceError('frame_invalid', 'a subscription of this socket has this id already', 'id');
  if (consumer.subscriptions.size >= deps.limits.maxSubscriptions)
    throw new ServiceError('too_many_subscriptions', `at most ${deps.limits.maxSubscriptions} are allowed`);
  const { hub } = deps;
  const subscription: Subscription<Consumer> = { ...interest, subscriber: consumer };
  consumer.hold();
  consumer.subscriptions.set(id, subscription);
  hub.subscriptions.add(subscription);
  try {
    await sendSnapshot(deps, consumer, id, subscription);
  } catch (error) {
    if (consumer.subscriptions.get(id) === subscription) end(hub, consumer, id);
    throw error;
  } finally {
    consumer.release();
  }
}

/** `subscription` is the id of the request that began it; without it, all of the socket's end. */
export function unsubscribe({ hub }: RequestDeps, consumer: Consumer, id: RequestId, { data }: Frame): void {
  const { subscription } = data;
  const known = consumer.subscriptions;
  const ending = subscription === undefined ? [...known.keys()] : [subscription as RequestId];
  if (subscription !== undefined && !known.has(subscription as RequestId))
    throw new ServiceError('frame_invalid', 'this socket has no such subscription', 'subscription');
  for (const each of ending) end(hub, consumer, each);
  consumer.reply(consumer.codec.done(id, { unsubscribed: ending.length }));
}

/** Ends all subscriptions of a client that is gone. */
export function endAll(hub: Hub, consumer: Consumer): void {
  for (const id of [...consumer.subscriptions.keys()]) end(hub, consumer, id);
}

function end(hub: Hub, consumer: Consumer, id: RequestId): void {
  const subscription = consumer.subscriptions.get(id);
  if (subscription === undefined) return;
  consumer.subscriptions.delete(id);
  hub.subscriptions.remove(subscription);
  // Of a key that is not subscribed to, nothing would tell the client when it changes next.
  consumer.forgetWhere((key) => !hub.subscriptions.of(key).has(consumer));
}

function interestOf(data: Frame['data'], { limits }: RequestDeps): Interest {
  const parsed = v.safeParse(INTEREST, data, { abortEarly: true });
  if (!parsed.success) {
    const [issue] = parsed.issues;
    throw new ServiceError('frame_invalid', issue.message, String(issue.path?.[0]?.key ?? 'frame'));
  }
  const { keys, types, prefixes, values } = parsed.output;
  const count = keys.length + types.length + prefixes.length;
  if (count === 0)
    throw new ServiceError('frame_invalid', 'a subscription has keys, types or prefixes', 'keys');
  if (count > limits.maxBatchKeys)
    throw new ServiceError(
      'frame_invalid',
      `at most ${limits.maxBatchKeys} names in one subscription`,
      'keys',
    );
  for (const [i, key] of keys.entries()) checkKey(key, limits.maxKeyBytes, `keys[${i}]`);
  return { keys, types: types.map((name) => typeIndex(name)!), prefixes, values };
}

async function sendSnapshot(
  deps: RequestDeps,
  consumer: Consumer,
  id: RequestId,
  subscription: Subscription<Consumer>,
): Promise<void> {
  const { keys, types, prefixes, values } = subscription;
  const { cache, hub } = deps;
  const { codec } = consumer;
  let asked: string[] = [];
  let items: SnapshotItem[] = [];
  let bytes = 0;
  const send = (more: boolean) => {
    if (consumer.subscriptions.get(id) !== subscription)
      throw new ServiceError('frame_invalid', 'the subscription was ended before its snapshot was complete');
    // A notice that waits was sent by what came before the snapshot, and must not take it back.
    consumer.sendNotices();
    consumer.reply(codec.snapshot(id, { items, values, more, coherence: cache.coherence }));
    // What was found out for the snapshot waits for this consumer too, by now.
    hub.flush();
    const told = new Map(items.map((item) => [item.key, item]));
    for (const key of asked) settle(consumer, key, told.get(key), values);
    asked = [];
    items = [];
    bytes = 0;
  };
  for await (const page of keysOf(cache, keys, types, prefixes)) {
    if (consumer.closed) return;
    const found = await Promise.all(page.map((key) => itemFor(cache, hub, codec, key, values)));
    for (const [i, key] of page.entries()) {
      asked.push(key);
      const item = found[i];
      if (item === undefined) continue;
      items.push(item);
      bytes += values && 'entry' in item ? item.entry.bytes : key.length;
      if (items.length < PART && bytes < PART_BYTES) continue;
      send(true);
      await consumer.writable();
    }
  }
  send(false);
}

/** The keys named and those found for the types and prefixes, each once, a page at a time. */
async function* keysOf(
  cache: TwoLevel,
  keys: readonly string[],
  types: readonly number[],
  prefixes: readonly string[],
): AsyncGenerator<string[]> {
  const seen = new Set(keys);
  for (const named = [...seen]; named.length > 0; ) yield named.splice(0, PAGE);
  const matches = [
    ...types.map((type) => ({ type })),
    ...prefixes.map((prefix) => ({ pattern: `${prefix.replace(/[*?[\\]/g, '\\$&')}*` })),
  ];
  for (const match of matches) {
    if (cache.store === undefined) {
      const fits = matcher(match);
      const found = Array.from(cache.memory!.entries(), ({ key }) => key).filter(
        (key) => fits(key) && !seen.has(key),
      );
      for (const key of found) seen.add(key);
      while (found.length > 0) yield found.splice(-PAGE);
      continue;
    }
    // What is pending cannot be listed in L2.
    const pending = cache.pendingKeys(match).filter((key) => !seen.has(key));
    for (const key of pending) seen.add(key);
    while (pending.length > 0) yield pending.splice(0, PAGE);
    let cursor: string | undefined;
    do {
      const listing = await cache.store.list(match, cursor, PAGE);
      cursor = listing.cursor;
      const page = listing.keys.map(({ key }) => key).filter((key) => !seen.has(key));
      for (const key of page) seen.add(key);
      yield page;
    } while (cursor !== undefined);
  }
}

/** A key's item, or none where there is no value. */
async function itemFor(
  cache: TwoLevel,
  hub: Hub,
  codec: Codec,
  key: string,
  values: boolean,
): Promise<SnapshotItem | undefined> {
  let loaded: Loaded;
  let counts: boolean;
  do [loaded, counts] = await hub.ask(key, () => cache.look(key));
  while (!counts);
  const { entry, source, fault } = loaded;
  if (source === 'unknown' || source === 'l1-stale') hub.unanswered(key);
  else hub.found(key, entry);
  if (source === 'unknown') return { key, code: fault!.code };
  if (entry === undefined) return undefined;
  try {
    if (values) entry[codec.encoding];
    return { key, entry };
  } catch (error) {
    if (!(error instanceof NotConvertible)) throw error;
    return { key, code: 'not_acceptable' };
  }
}

/**
 * Takes out of what waits what the snapshot has told of the key. The hub was told of all that was
 * found for the snapshot, in its turn, so what waits is the last that is known: either it says the same as the snapshot, or it
 * is news of after it.
 */
function settle(consumer: Consumer, key: string, item: SnapshotItem | undefined, values: boolean): void {
  if (item !== undefined && 'code' in item) return;
  consumer.settle(key, item?.entry.version, values);
}
