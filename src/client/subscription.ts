import type { Change, SubscribeOptions } from './change.ts';
import type { Connection } from './connection.ts';
import { isCode, isGivenUp, RatecacheError } from './errors.ts';
import { coverOf, type Interest } from './interest.ts';
import type { Answer, InvalidateEvent, Item, Position, UpdateEvent } from './protocol.ts';
import { ageAt } from './result.ts';
import type { Subscribed } from './subscribed.ts';

const SNAPSHOT_TIMEOUT_MS = 60_000;
const RETRY_MS = 1000;

/** What the handler knows of a key. */
type Known = Pick<Item, 'version' | 'quality' | 'qualityReason' | 'code'>;

/** What an event says about the quality of its key. */
interface Said {
  readonly quality?: Item['quality'] | undefined;
  readonly qualityReason?: string | undefined;
}

/**
 * One subscription of the program. It survives reconnects: it remembers the version and quality of each key, and compares
 * every new snapshot with them.
 */
export class Subscription {
  readonly covers: (key: string) => boolean;
  readonly #connection: Connection;
  readonly #interest: Interest;
  readonly #options: SubscribeOptions;
  readonly #onChange: (change: Change) => void;
  readonly #near: Subscribed | undefined;
  readonly #known = new Map<string, Known>();
  #id: number | undefined;
  #isFirst = true;
  /** Whether the latest attempt succeeded. If its connection was lost since then, the subscription can resume. */
  #isInForce = false;
  #isClosed = false;
  #retry: ReturnType<typeof setTimeout> | undefined;

  constructor(
    connection: Connection,
    interest: Interest,
    options: SubscribeOptions,
    onChange: (change: Change) => void,
    near: Subscribed | undefined,
  ) {
    this.covers = coverOf(interest);
    this.#connection = connection;
    this.#interest = interest;
    this.#options = options;
    this.#onChange = onChange;
    this.#near = near;
  }

  /**
   * Whether the service reports every change of the keys at once. It does so from the request on, and holds back
   * heartbeats until the snapshot is complete.
   */
  get isPrompt(): boolean {
    return !this.#isClosed && this.#id !== undefined && this.#options.interval === undefined;
  }

  /**
   * Subscribes, for the first time or again.
   * @param resume the position at which this subscription was in force
   * @throws RatecacheError if the service refuses it or the connection is lost */
  async start(resume?: Position): Promise<void> {
    clearTimeout(this.#retry);
    if (this.#isClosed) return;
    const { requests } = this.#connection;
    const id = requests.nextId();
    this.#id = id;
    this.#isInForce = false;
    const found = new Set<string>();
    const known = [...this.#known.keys()];
    const onPart = (answer: Answer) => {
      if (id !== this.#id) return;
      for (const item of answer.snapshot ?? []) {
        found.add(item.key);
        this.#near?.onItem(this, item, answer);
        if (item.version !== undefined) this.#found(item as Item & { version: string });
        else if (item.code === 'halted') this.#lost(item.key, 'quality', 0, true, item);
        else if (item.code === 'cache_miss' && this.#known.has(item.key))
          this.#lost(item.key, 'missed', 0, true);
        // The handler may have closed the subscription.
        if (id !== this.#id) return;
      }
      if (answer.more === true) return;
      this.#isFirst = false;
      this.#isInForce = true;
      const resumed = answer.resumed === true;
      // Not after the `await` below: an event that follows in the same TCP segment is newer.
      this.#near?.onComplete(this, found, resumed);
      if (!resumed) for (const key of known) if (!found.has(key)) this.#lost(key, 'missed', 0, true);
    };
    const { interval } = this.#options;
    const request = {
      op: 'subscribe',
      ...this.#interest,
      values: true,
      ...(interval === undefined ? {} : { interval }),
      ...(resume && { resume }),
    };
    try {
      await requests.send(request, { timeoutMs: SNAPSHOT_TIMEOUT_MS, onPart }, id);
    } catch (error) {
      if (id === this.#id) this.#id = undefined;
      if (isGivenUp(error)) this.#unsubscribe(id);
      throw error;
    }
    if (id !== this.#id) this.#unsubscribe(id);
  }

  /** Subscribes again, and repeats it while the service refuses it. */
  async restart(resume?: Position): Promise<void> {
    try {
      await this.start(this.#isInForce ? resume : undefined);
    } catch (error) {
      // The next connection restarts it too.
      if (isCode(error, 'disconnected') || isCode(error, 'closed') || this.#isClosed) return;
      // A newer attempt is in progress.
      if (this.#id !== undefined) return;
      this.#near?.onRefused(this);
      const { retryAfterMs = RETRY_MS } = error as RatecacheError;
      this.#retry = setTimeout(() => void this.restart(), retryAfterMs);
    }
  }

  onUpdate(event: UpdateEvent): void {
    this.#known.set(event.key, knownOf(event));
    this.#report(event, event.merged ?? 0, false);
  }

  onInvalidate(key: string, { reason, merged = 0, quality, qualityReason }: InvalidateEvent): void {
    this.#lost(key, reason, merged, false, { quality, qualityReason });
  }

  /** The values of all these keys may not be valid any more. For keys that still have a value, an update follows. */
  onInvalidateWhere(matches: (key: string) => boolean, reason: string): void {
    for (const key of [...this.#known.keys()]) if (matches(key)) this.#lost(key, reason, 0, false);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#retry);
    const subscription = this.#id;
    this.#id = undefined;
    if (subscription !== undefined) this.#unsubscribe(subscription);
  }

  #unsubscribe(subscription: number): void {
    // A lost connection has ended the subscription.
    if (!this.#connection.isUp) return;
    const request = { op: 'unsubscribe', subscription };
    this.#connection.requests.send(request, { timeoutMs: SNAPSHOT_TIMEOUT_MS }).catch(() => {});
  }

  #found(item: Item & { version: string }): void {
    const before = this.#known.get(item.key);
    const now = knownOf(item);
    this.#known.set(item.key, now);
    if (before !== undefined && isSame(before, now)) return;
    if (!this.#isFirst || this.#options.initial) this.#report(item, 0, true);
  }

  #report(
    { key, value, version, asOf, source, code, quality, qualityReason }: Item & { version: string },
    merged: number,
    fromSnapshot: boolean,
  ): void {
    const age = ageAt({ version, asOf }, this.#connection.trust.timeAt(performance.now()));
    const origin = { asOf, source, quality: quality ?? ('good' as const), qualityReason };
    this.#onChange({ kind: 'update', key, value, version, ...origin, age, merged, code, fromSnapshot });
  }

  #lost(
    key: string,
    reason: string,
    merged: number,
    fromSnapshot: boolean,
    { quality, qualityReason }: Said = {},
  ): void {
    this.#known.delete(key);
    this.#onChange({ kind: 'invalidate', key, reason, merged, quality, qualityReason, fromSnapshot });
  }
}

function knownOf({ version, quality, qualityReason, code }: Known): Known {
  return { version, quality, qualityReason, code } as Known;
}

function isSame(a: Known, b: Known): boolean {
  return (
    a.version === b.version &&
    a.quality === b.quality &&
    a.qualityReason === b.qualityReason &&
    a.code === b.code
  );
}

/** @throws RatecacheError `argument_invalid` */
export function checkInterest({ keys = [], types = [], prefixes = [] }: Interest): void {
  if (keys.length + types.length + prefixes.length === 0)
    throw new RatecacheError('argument_invalid', 'a subscription requires keys, types or prefixes');
}
