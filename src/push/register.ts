/**
 * `register` and `unregister`: a socket names its keys once, and asks for them by small integers. A batch by ids costs an
 * array lookup for each key. A batch by names costs the decoding of a string and its hash.
 */
import type { Requester } from '../access/requester.ts';
import { checkKey } from '../cache/key-and-ttl.ts';
import { ServiceError } from '../errors.ts';
import type { Frame, RequestId } from './codec.ts';
import type { Consumer } from './consumer.ts';
import type { RequestDeps } from './deps.ts';
import type { Hub } from './hub.ts';
import { reserve, Usage } from './quota.ts';
import { Registered } from './registered.ts';

/**
 * Registers the keys, and answers with the id of the first. The ids of the others follow in order.
 * @param expected the id that the client expects for the first key, or undefined. Without it, the ids of pipelined requests
 *   shift if one of them is refused, and a later `mget` would return the values of other keys.
 * @throws ServiceError `frame_invalid` if the first key would get another id
 */
export function register(
  deps: RequestDeps,
  consumer: Consumer,
  id: RequestId,
  keys: readonly string[],
  expected: unknown,
  requester: Requester,
): void {
  if (keys.length === 0)
    throw new ServiceError('frame_invalid', 'register requires at least one key', 'keys');
  const { registered } = consumer;
  const first = registered.keys.length;
  if (expected !== undefined && expected !== first)
    throw new ServiceError(
      'frame_invalid',
      `the first key would get the id ${first}; an earlier register of this socket may have been refused`,
      'first',
    );
  const usage = new Usage();
  for (const [i, key] of keys.entries()) {
    checkKey(key, deps.limits.maxKeyBytes, `keys[${i}]`);
    usage.names++;
    usage.bytes += key.length;
  }
  requester.requireInterest({ keys, types: [], prefixes: [] });
  reserve(deps, usage, consumer.usage, deps.hub.usage);
  // Each key is added separately, because the stack limits the number of arguments of one call.
  for (const key of keys) registered.keys.push(key);
  registered.usage.add(usage);
  consumer.reply(consumer.codec.done(id, { first, registered: registered.keys.length }));
}

/** Forgets all registered keys of the socket. The next `register` begins with the id 0. */
export function unregister({ hub }: RequestDeps, consumer: Consumer, id: RequestId): void {
  const unregistered = consumer.registered.keys.length;
  forgetRegistered(hub, consumer);
  consumer.reply(consumer.codec.done(id, { unregistered }));
}

/** Releases what the registered keys of a socket count for. */
export function forgetRegistered(hub: Hub, consumer: Consumer): void {
  const { usage } = consumer.registered;
  consumer.usage.remove(usage);
  hub.usage.remove(usage);
  consumer.registered = new Registered();
}

/**
 * Returns the keys with these ids.
 * @throws ServiceError `frame_invalid` unless each of them is registered
 */
export function registeredKeys({ registered }: Consumer, { ids }: Frame['data'], max: number): string[] {
  if (!Array.isArray(ids)) throw new ServiceError('frame_invalid', 'ids must be an array of integers', 'ids');
  if (ids.length > max) throw new ServiceError('frame_invalid', `at most ${max} ids are allowed`, 'ids');
  const { keys } = registered;
  const found: string[] = [];
  for (let i = 0; i < ids.length; i++) {
    const id: unknown = ids[i];
    const key = typeof id === 'number' ? keys[id] : undefined;
    if (key === undefined)
      throw new ServiceError(
        'frame_invalid',
        'this socket has not registered a key with this id; send a register request first',
        `ids[${i}]`,
      );
    found.push(key);
  }
  return found;
}
