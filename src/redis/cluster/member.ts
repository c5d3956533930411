import type { Redis } from 'ioredis';
import type { RedisStore } from '../redis-store.ts';
import type { Address } from './address.ts';

/**
 * A node of the Cluster, with its own connections, circuit breaker, clock and link. A replica only has connections that
 * are ready: nothing uses them before it becomes a master.
 */
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
  /** The node is a master, or about to be: the cache follows its changes from now on. Called once. */
  follow(): void;
  /** Resolves when commands can be sent, or after `ms`. */
  whenReady(ms: number): Promise<void>;
  /** Closes the connections after the commands in flight. */
  retire(): void;
}

export type OpenMember = (address: Address) => Member;
