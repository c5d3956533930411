import type { Clock } from '../../src/cache/clock.ts';
import { holds } from '../../src/cache/condition.ts';
import { Entry } from '../../src/cache/entry.ts';
import { type Match, matcher } from '../../src/cache/match.ts';
import type {
  Listing,
  Removal,
  RemovalOutcome,
  Store,
  StoreError,
  Write,
  WriteOutcome,
} from '../../src/cache/store.ts';
import type { Version } from '../../src/cache/version.ts';

/** As in `write.lua`. */
const STAMP_AHEAD_MS = 100;

/** A call that was held back: the test says when L2 does it and when the answer arrives. */
export interface Held {
  readonly operation: keyof Store;
  /** What was asked for: a key where the operation has one. */
  readonly key: string | undefined;
  /** The stamp of the writer, where it is a change. */
  readonly stamp: Version | undefined;
  /** L2 does it now; its answer is still on the way. */
  happen(): void;
  /** The answer arrives, and all that follows from it at once is done when this resolves. */
  answer(): Promise<void>;
  /** Instead of an answer a failure arrives, whether L2 did it or not. */
  fail(error: unknown): Promise<void>;
}

/** All that needs no more than promises is done when this resolves. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * An L2 in memory that keeps the `Store` contract, and whose calls wait at a gate while it is held. Two of
 * them over one map are two replicas.
 */
export class GatedStore implements Store {
  readonly entries: Map<string, Entry>;
  /** The calls that wait, oldest first. */
  readonly held: Held[] = [];
  /** How often each operation was called. */
  readonly calls = { read: 0, version: 0, write: 0, remove: 0, removeMatching: 0, list: 0 };
  /** While it is set, every call that is not held fails with it. */
  fault: StoreError | undefined;
  readonly #clock: Clock;
  #holding = false;

  constructor(clock: Clock, entries: Map<string, Entry> = new Map()) {
    this.#clock = clock;
    this.entries = entries;
  }

  /** From now on calls wait. */
  hold(): void {
    this.#holding = true;
  }

  /** From now on calls are answered at once; those that wait go on waiting. */
  release(): void {
    this.#holding = false;
  }

  /** Takes the oldest waiting call of this operation out of the queue. */
  next(operation: keyof Store): Held {
    const at = this.held.findIndex((held) => held.operation === operation);
    if (at < 0) throw new Error(`no ${operation} waits`);
    return this.held.splice(at, 1)[0]!;
  }

  read(key: string): Promise<Entry | undefined> {
    return this.#call('read', { key }, () => {
      const entry = this.#present(key);
      return (
        entry && new Entry(key, entry.value, entry.version, entry.storedAt, entry.expiresAt, entry.origin)
      );
    });
  }

  write(write: Write): Promise<WriteOutcome> {
    return this.#call('write', write, () => {
      const { key, value, storedAt, expiresAt, origin } = write;
      const present = this.#present(key);
      if (!holds(write.condition, present)) return { status: 'refused', version: present?.version };
      const stamp = this.#capped(write.version);
      const version =
        present === undefined || stamp > present.version ? stamp : successor(present.version, stamp);
      this.entries.set(key, new Entry(key, value, version, storedAt, expiresAt, origin));
      return { status: present === undefined ? 'created' : 'replaced', version };
    });
  }

  remove(removal: Removal): Promise<RemovalOutcome> {
    return this.#call('remove', removal, () => {
      const { key, condition } = removal;
      const present = this.#present(key);
      if (!holds(condition, present)) return { status: 'refused', version: present?.version };
      this.entries.delete(key);
      return { status: present === undefined ? 'absent' : 'deleted' };
    });
  }

  removeMatching(match: Match, version: Version): Promise<number> {
    return this.#call('removeMatching', { version }, () => {
      const older = { is: 'if-older', version } as const;
      const keys = this.#matching(match).filter((key) => holds(older, this.entries.get(key)));
      for (const key of keys) this.entries.delete(key);
      return keys.length;
    });
  }

  list(match: Match, cursor: string | undefined, limit: number): Promise<Listing> {
    return this.#call('list', {}, () => {
      // The cursor is the last key of the page before, so that deletions skip nothing.
      const left = this.#matching(match).filter((key) => cursor === undefined || key > cursor);
      const page = left.slice(0, limit);
      return {
        keys: page.map((key) => ({ key, ttlMs: this.entries.get(key)!.expiresAt - this.#clock.now })),
        cursor: left.length > limit ? page.at(-1) : undefined,
      };
    });
  }

  /** A stamp ahead of the clock is cut to it. */
  #capped(stamp: Version): Version {
    const { now } = this.#clock;
    if (Number.parseInt(stamp.slice(0, 12), 16) <= now + STAMP_AHEAD_MS) return stamp;
    return `${now.toString(16).padStart(12, '0')}0000${stamp.slice(16)}`;
  }

  #present(key: string): Entry | undefined {
    const entry = this.entries.get(key);
    if (entry === undefined || entry.expiresAt > this.#clock.now) return entry;
    this.entries.delete(key);
    return undefined;
  }

  #matching(match: Match): string[] {
    const matches = matcher(match);
    return [...this.entries.keys()].filter((key) => matches(key) && this.#present(key)).sort();
  }

  async #call<T>(
    operation: keyof Store,
    { key, version: stamp }: { readonly key?: string; readonly version?: Version },
    effect: () => T,
  ): Promise<T> {
    this.calls[operation]++;
    if (!this.#holding) {
      if (this.fault !== undefined) throw this.fault;
      return effect();
    }
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    let result: { value: T } | undefined;
    const happen = () => {
      result ??= { value: effect() };
    };
    this.held.push({
      operation,
      key,
      stamp,
      happen,
      answer() {
        happen();
        resolve(result!.value);
        return settled();
      },
      fail(error) {
        reject(error);
        return settled();
      },
    });
    return promise;
  }
}

/** One more than the stored version, signed by the writer. */
function successor(stored: Version, writer: Version): Version {
  return (BigInt(`0x${stored.slice(0, 16)}`) + 1n).toString(16).padStart(16, '0') + writer.slice(16);
}
