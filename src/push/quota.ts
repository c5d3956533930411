import { ServiceError } from '../errors.ts';
import type { Counters } from '../metrics/counters.ts';
import type { Interest } from './subscriptions.ts';

/** Limits of the keys, types and prefixes that subscriptions name, and of registered keys. */
export interface QuotaLimits {
  /** Names of all subscriptions and registered keys of a socket. */
  readonly maxNames: number;
  /** Bytes of these names. */
  readonly maxNameBytes: number;
  /** Names of all sockets. */
  readonly maxTotalNames: number;
  readonly maxTotalNameBytes: number;
}

/** What a subscription, registered keys, a socket or all sockets use. */
export class Usage {
  names = 0;
  bytes = 0;

  add({ names, bytes }: Usage): void {
    this.names += names;
    this.bytes += bytes;
  }

  remove({ names, bytes }: Usage): void {
    this.names -= names;
    this.bytes -= bytes;
  }
}

/** @param id of the subscription. It is stored too. */
export function usageOf({ keys, types, prefixes }: Interest, id: number | string): Usage {
  const usage = new Usage();
  usage.names = keys.length + types.length + prefixes.length;
  usage.bytes = typeof id === 'string' ? id.length : 0;
  for (const name of keys) usage.bytes += name.length;
  for (const name of prefixes) usage.bytes += name.length;
  return usage;
}

/**
 * Counts more names for the socket and for all sockets.
 * @throws ServiceError `too_many_subscriptions` where the socket or all sockets together would use too much
 */
export function reserve(
  { limits, counters }: { readonly limits: QuotaLimits; readonly counters: Counters },
  more: Usage,
  socket: Usage,
  all: Usage,
): void {
  try {
    checkQuota(limits, more, socket, all);
  } catch (error) {
    counters.countLimited('subscribed_names');
    throw error;
  }
  socket.add(more);
  all.add(more);
}

function checkQuota(limits: QuotaLimits, more: Usage, socket: Usage, all: Usage): void {
  const { maxNames, maxNameBytes, maxTotalNames, maxTotalNameBytes } = limits;
  if (socket.names + more.names > maxNames) throw tooMany(`${maxNames} names are allowed per socket`);
  if (socket.bytes + more.bytes > maxNameBytes)
    throw tooMany(`${maxNameBytes} bytes of names are allowed per socket`);
  if (all.names + more.names > maxTotalNames || all.bytes + more.bytes > maxTotalNameBytes)
    throw new ServiceError(
      'too_many_subscriptions',
      'the subscriptions and registered keys of all sockets have reached their limit; connect to another replica',
    );
}

function tooMany(allowed: string): ServiceError {
  return new ServiceError('too_many_subscriptions', `at most ${allowed}; a name is a key, type or prefix`);
}
