import { ServiceError } from '../errors.ts';
import type { Interest } from './subscriptions.ts';

/** Limits of the keys, types and prefixes that subscriptions name. */
export interface QuotaLimits {
  /** Names of all subscriptions of a socket. */
  readonly maxNames: number;
  /** Bytes of these names. */
  readonly maxNameBytes: number;
  /** Names of all sockets. */
  readonly maxTotalNames: number;
  readonly maxTotalNameBytes: number;
}

/** What a subscription, a socket or all sockets use. */
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

/** @throws ServiceError `too_many_subscriptions` where the socket or all sockets together would use too much */
export function checkQuota(limits: QuotaLimits, more: Usage, socket: Usage, all: Usage): void {
  const { maxNames, maxNameBytes, maxTotalNames, maxTotalNameBytes } = limits;
  if (socket.names + more.names > maxNames) throw tooMany(`${maxNames} names are allowed per socket`);
  if (socket.bytes + more.bytes > maxNameBytes)
    throw tooMany(`${maxNameBytes} bytes of names are allowed per socket`);
  if (all.names + more.names > maxTotalNames || all.bytes + more.bytes > maxTotalNameBytes)
    throw new ServiceError(
      'too_many_subscriptions',
      'the subscriptions of all sockets have reached their limit; connect to another replica',
    );
}

function tooMany(allowed: string): ServiceError {
  return new ServiceError('too_many_subscriptions', `at most ${allowed}; a name is a key, type or prefix`);
}
