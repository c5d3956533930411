import type { Redis } from 'ioredis';
import type { RedisStore } from '../redis-store.ts';
import type { Address } from './address.ts';

/** A master of the Cluster, with its own connections, circuit breaker, clock and link. */
export interface Member {
  readonly address: Address;
  readonly store: RedisStore;
  /** The connection that reads the table of slots. */
  readonly control: Redis;
  /** Whether commands can be sent: it is connected, and its clock is known. */
  readonly ready: boolean;
  /** Whether the link reports every change of this master. */
  readonly coherent: boolean;
  /** Whether it answers and its link is up. */
  readonly well: boolean;
  /** Resolves when commands can be sent, or after `ms`. */
  whenReady(ms: number): Promise<void>;
  /** Closes the connections after the commands in flight. */
  retire(): void;
}

export type OpenMember = (address: Address) => Member;
