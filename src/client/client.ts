/** What a program uses: the same for WebSocket and HTTP. */

import type { Change, SubscribeOptions } from './change.ts';
import type { ValueOf } from './data-types.ts';
import type { Interest } from './interest.ts';
import type { Coherence } from './protocol.ts';
import type { Result, State } from './result.ts';
import type { Waiting } from './wait.ts';

/** The results of several keys, in their order. */
export type Results<Keys extends readonly string[]> = {
  -readonly [I in keyof Keys]: Result<ValueOf<Keys[I]>>;
};

/** How a write is made. */
export interface WriteOptions extends Condition, Waiting {
  /** The same for each repetition of a write by the program, so that it is made once. The client chooses one by default. */
  readonly idempotencyKey?: string;
}

/** A write is made only if the condition holds; otherwise it fails with `precondition_failed`. */
export interface Condition {
  /** The key has this version. */
  readonly ifVersion?: string;
  /** The key has no value. */
  readonly ifAbsent?: true;
  /** The key has a value. */
  readonly ifExists?: true;
}

export interface SetOptions extends WriteOptions {
  /** In seconds; without it, the value has the TTL of its data type. */
  readonly ttl?: number;
  /** When the data is from, in ms since 1970. */
  readonly asOf?: number;
  /** Who supplied the data: a short name. */
  readonly source?: string;
  /** The writer doubts the value, so readers receive it as suspect. */
  readonly suspect?: true;
  /** The data of the stored value is not from a later time than `asOf`. */
  readonly ifNewer?: true;
}

/** What the caller accepts: the answer is a value that meets all terms, or the error `terms_not_met`. */
export interface ReadOptions extends Waiting {
  /** The data may be at most this old, in seconds. */
  readonly maxAge?: number;
  /** The value must stay valid for at least this long, in seconds. */
  readonly minFresh?: number;
  /** The service asks Redis now, and the near cache is not used. */
  readonly noCache?: true;
  /** Only the near cache and L1 of the service are asked. */
  readonly onlyIfCached?: true;
  /** Values of halted keys are returned too. */
  readonly halted?: 'serve';
  /** The minimum rate of the ticker may take the place of a borrow rate. The service decides when. */
  readonly fallback?: 'min_rate';
}

export interface DeleteOptions extends WriteOptions {}

export interface Written {
  readonly key: string;
  /** `accepted` and `unknown`: the write is pending until Redis is reachable. Do not repeat it. */
  readonly status: 'created' | 'replaced' | 'deleted' | 'absent' | 'stored' | 'accepted' | 'unknown';
  /** The version of the written value; undefined for a deletion. */
  readonly version: string | undefined;
  /** The age of the data in ms, as in a result; undefined for a deletion. */
  readonly age: number | undefined;
  readonly state: State;
  readonly tier: 'service';
  /** Why the write is probably not what was meant. */
  readonly warning: string | undefined;
}

export interface ClientState {
  readonly connection: 'up' | 'down' | 'closed';
  /** The address in use, or of the next attempt. */
  readonly address: string;
  readonly coherence: Coherence;
  /** Whether entries of the near cache are served without a mark now. */
  readonly isTrusted: boolean;
  /** Why the connection was lost, or why the last attempt failed. */
  readonly lastError: Error | undefined;
  readonly inFlight: number;
  readonly nearCache:
    | { readonly entries: number; readonly hits: number; readonly misses: number }
    | undefined;
}

export interface SubscriptionHandle {
  close(): void;
}

export interface Client {
  /**
   * Reads one key: from the near cache if it has a current value, else from the service. All reads of one turn of the event
   * loop are one request, and readers of the same key share it.
   * @throws RatecacheError if the service did not answer, or cannot return the value
   */
  get<Key extends string>(key: Key, options?: ReadOptions): Promise<Result<ValueOf<Key>>>;
  /** Like `get`, for many keys. A key whose value cannot be returned is a result with the status `error`. */
  getMany<const Keys extends readonly string[]>(keys: Keys, options?: ReadOptions): Promise<Results<Keys>>;
  /** Returns what the near cache knows of the key, without a request; undefined if it has no current entry. */
  peek<Key extends string>(key: Key): Result<ValueOf<Key>> | undefined;
  /**
   * Writes a value. If its connection is lost, the write is repeated with the same idempotency key, so it is made once.
   * @throws RatecacheError `write_unknown` if the request was sent and no answer arrived before the deadline
   */
  set<Key extends string>(key: Key, value: ValueOf<Key>, options?: SetOptions): Promise<Written>;
  delete(key: string, options?: DeleteOptions): Promise<Written>;
  /**
   * Calls the handler for every change. `onError` receives the errors that it throws. After a reconnect, it is also called for what changed in between.
   * Resolves when the subscription is in force.
   */
  subscribe<Value = unknown>(
    interest: Interest,
    onChange: (change: Change<Value>) => void,
    options?: SubscribeOptions & Waiting,
  ): Promise<SubscriptionHandle>;
  /** The same as an iterator. While the program is slow, only the newest change of each key waits. */
  changes<Value = unknown>(
    interest: Interest,
    options?: SubscribeOptions & Pick<Waiting, 'signal'>,
  ): AsyncIterableIterator<Change<Value>>;
  readonly state: ClientState;
  /** Calls the listener whenever the connection or the coherence changes. @returns a function that ends it */
  onState(listener: (state: ClientState) => void): () => void;
  /** Ends the connection. Open calls fail with `closed`. */
  close(): Promise<void>;
}
