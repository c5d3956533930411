import type { TraceSpan, Tracing } from '../../tracing/tracing.ts';
import type { Clock } from '../clock.ts';
import { type RemovalOutcome, type Store, StoreError, type WriteOutcome } from '../store.ts';
import type { Pending, PendingMatch, PendingWrites } from './pending-writes.ts';

/** Changes that are sent together. The answers to all of them are awaited before the next slice. */
const SLICE = 128;

/** A pending change, with the call that makes it in L2. */
export interface Replayed {
  readonly pending: Pending;
  readonly change: () => Promise<WriteOutcome | RemovalOutcome>;
}

/** How the cache takes part in a replay. */
export interface ReplayActions {
  /** Makes a change as the cache makes its own writes, and removes it from the pending writes. */
  readonly write: (replayed: Replayed) => Promise<void>;
  /** L2 has made the deletion. Drop what earlier reads may have brought into L1. */
  readonly forget: (pending: PendingMatch) => void;
  /** Returns the server of L2 that has the key. */
  readonly serverOf: (key: string) => object;
  /** Records a span of each run, where traces are on. */
  readonly tracing?: Pick<Tracing, 'start'> | undefined;
}

/**
 * Replays the pending writes into L2, each only where L2 has nothing newer. A change that Redis refuses stays pending
 * and does not delay the others. After a server did not answer, the run sends it no further change.
 *
 * Deletions by match run separately from changes of single keys: they use another connection, which may hang while
 * changes of keys succeed. Their order does not matter. A deletion spares newer values, and a change that is older than
 * a deletion of its key is never pending.
 */
export class Replay {
  readonly #pendingWrites: PendingWrites;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #actions: ReplayActions;
  #matches: Promise<void> | undefined;
  #changes: Promise<void> | undefined;

  constructor(pendingWrites: PendingWrites, store: Store, clock: Clock, actions: ReplayActions) {
    this.#pendingWrites = pendingWrites;
    this.#store = store;
    this.#clock = clock;
    this.#actions = actions;
  }

  /** Replays all pending writes that L2 accepts. The others stay pending. It never rejects with a `StoreError`. */
  async run(): Promise<void> {
    this.#matches ??= this.#makeMatches().finally(() => {
      this.#matches = undefined;
    });
    this.#changes ??= this.#makeChanges().finally(() => {
      this.#changes = undefined;
    });
    await Promise.all([this.#matches, this.#changes]);
  }

  async #makeMatches(): Promise<void> {
    for (const match of this.#pendingWrites.matches())
      if (!(await this.#reachesRedis(() => this.#deleteMatching(match)))) return;
  }

  async #makeChanges(): Promise<void> {
    const span = this.#actions.tracing?.start('replay', 'internal');
    const tried = new Set<Pending>();
    try {
      await this.#tryAll(tried, span);
    } finally {
      span?.set('ratecache.replay.tried', tried.size);
      span?.set('ratecache.replay.left', this.#pendingWrites.size);
      span?.end();
    }
  }

  /** @param tried receives each change that was tried. A refused change stays pending, so each is tried once */
  async #tryAll(tried: Set<Pending>, span: TraceSpan | undefined): Promise<void> {
    const pendingWrites = this.#pendingWrites;
    const silent = new Set<object>();
    const answers = ({ key }: Pending) => !silent.has(this.#actions.serverOf(key));
    // The loop picks up changes that arrive meanwhile.
    while (true) {
      let waiting = [...pendingWrites.pending()].filter(
        (pending) => !tried.has(pending) && answers(pending) && !pendingWrites.isHeldBack(pending),
      );
      if (waiting.length === 0) return;
      while (waiting.length > 0) {
        await this.#makeAll(waiting.slice(0, SLICE), tried, silent, span);
        waiting = waiting.slice(SLICE).filter(answers);
      }
    }
  }

  /** Makes the changes of a slice that are still pending. Adds the servers that did not answer to `silent`. */
  async #makeAll(
    slice: readonly Pending[],
    tried: Set<Pending>,
    silent: Set<object>,
    span: TraceSpan | undefined,
  ): Promise<void> {
    await Promise.all(
      slice.map(async (pending) => {
        tried.add(pending);
        if (this.#pendingWrites.get(pending.key) !== pending) return;
        const server = this.#actions.serverOf(pending.key);
        if (!(await this.#reachesRedis(() => this.#actions.write(this.#changeOf(pending, span)))))
          silent.add(server);
      }),
    );
  }

  /** Makes a change. Returns false where Redis did not answer. */
  async #reachesRedis(change: () => Promise<void>): Promise<boolean> {
    try {
      await change();
      return true;
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      return error.reason === 'rejected';
    }
  }

  #changeOf(pending: Pending, span: TraceSpan | undefined): Replayed {
    const { key, version, entry, identity, contested = false, unlessNewer: asOf } = pending;
    const condition = { is: 'if-older', version, unlessForeign: contested, asOf } as const;
    // An expired value becomes a deletion: the older value that it replaced must not come back.
    if (entry === undefined || entry.expiresAt <= this.#clock.now)
      return { pending, change: () => this.#store.remove({ key, version, condition, late: true, span }) };
    const { value, storedAt, expiresAt, origin } = entry;
    const write = { key, value, version, storedAt, expiresAt, origin, condition, identity, late: true, span };
    return { pending, change: () => this.#store.write(write) };
  }

  async #deleteMatching(pending: PendingMatch): Promise<void> {
    await this.#store.removeMatching(pending.match, pending.version);
    this.#pendingWrites.matchDone(pending);
    this.#actions.forget(pending);
  }
}
