import type { Change, SubscribeOptions } from './change.ts';
import { Changes } from './changes.ts';
import type {
  Client,
  ClientState,
  DeleteOptions,
  ReadOptions,
  Results,
  SetOptions,
  SubscriptionHandle,
  Written,
} from './client.ts';
import { Connection, type ConnectionListener } from './connection.ts';
import type { ValueOf } from './data-types.ts';
import { RatecacheError } from './errors.ts';
import { guarded } from './guarded.ts';
import { newIdempotencyKey } from './idempotency-key.ts';
import { type Interest, mayMatch } from './interest.ts';
import { NearCache } from './near-cache.ts';
import type { Settings } from './options.ts';
import type {
  Answer,
  Coherence,
  InvalidateEvent,
  Position,
  PushEvent,
  Request,
  UpdateEvent,
} from './protocol.ts';
import { Reads } from './reads.ts';
import type { Call } from './requests.ts';
import { ageAt, type Result, valueOrError } from './result.ts';
import type { SocketFactory } from './socket.ts';
import { Subscribed } from './subscribed.ts';
import { checkInterest, Subscription } from './subscription.ts';
import { type TermMembers, termMembersOf } from './terms.ts';
import { type Waiting, within } from './wait.ts';
import { Watcher } from './watcher.ts';

const everyKey = () => true;

/** The client over WebSocket, with the near cache. */
export class WsClient implements Client, ConnectionListener {
  readonly #settings: Settings;
  readonly #connection: Connection;
  readonly #near: NearCache | undefined;
  readonly #watcher: Watcher | undefined;
  readonly #reads: Reads;
  readonly #subscribed: Subscribed | undefined;
  readonly #subscriptions = new Set<Subscription>();
  readonly #iterators = new Set<Changes<never>>();
  readonly #listeners = new Set<(state: ClientState) => void>();
  /** Counts recoveries: an older one must change nothing any more. */
  #recovery = 0;
  /** Whether the latest recovery is complete: all entries of the near cache are current. */
  #isComplete = false;
  /** Where a new connection may resume. */
  #resume: Position | undefined;
  #onFirstUp: (() => void) | undefined;
  /** As the listeners know it. */
  #coherence: Coherence | undefined;

  constructor(addresses: readonly URL[], settings: Settings, open: SocketFactory) {
    this.#settings = settings;
    this.#connection = new Connection(addresses, settings, open, this);
    const { nearCache } = settings;
    if (nearCache !== undefined) {
      this.#near = new NearCache(nearCache, this.#connection.trust);
      const isSubscribed = (key: string) => this.#isSubscribed(key);
      this.#watcher = new Watcher(this.#connection, settings, this.#near, isSubscribed);
    }
    this.#reads = new Reads(this.#connection, settings, this.#near, this.#watcher);
    if (this.#near !== undefined)
      this.#subscribed = new Subscribed(this.#near, this.#watcher!, this.#reads.flights);
  }

  /** Resolves when the first connection is up. */
  async connect(): Promise<void> {
    const { connectTimeoutMs } = this.#settings;
    const isUp = new Promise<void>((resolve) => {
      this.#onFirstUp = resolve;
    });
    void this.#connection.connect();
    try {
      await within(isUp, connectTimeoutMs, undefined);
    } catch {
      const cause = this.#connection.lastError;
      await this.close();
      const why = cause?.message ?? 'the service did not answer';
      throw new RatecacheError('disconnected', `no connection within ${connectTimeoutMs} ms: ${why}`, {
        cause,
      });
    }
  }

  get<Key extends string>(key: Key, options?: ReadOptions): Promise<Result<ValueOf<Key>>> {
    const terms = termMembersOf(options);
    if (terms !== undefined)
      return this.#onTerms([key], terms, options!).then(
        ([result]) => valueOrError(result!) as Result<ValueOf<Key>>,
      );
    const near = this.#peekFor(key);
    if (near !== undefined) return Promise.resolve(near as Result<ValueOf<Key>>);
    return this.#read(key, options) as Promise<Result<ValueOf<Key>>>;
  }

  async getMany<const Keys extends readonly string[]>(
    keys: Keys,
    options?: ReadOptions,
  ): Promise<Results<Keys>> {
    const terms = termMembersOf(options);
    if (terms !== undefined) return (await this.#onTerms(keys, terms, options!)) as unknown as Results<Keys>;
    const results = keys.map((key) => this.#peekFor(key) ?? this.#join(key, options));
    const all = Promise.all(results);
    return (await within(all, this.#timeoutOf(options), options?.signal)) as unknown as Results<Keys>;
  }

  peek<Key extends string>(key: Key): Result<ValueOf<Key>> | undefined {
    return this.#near?.peek(key) as Result<ValueOf<Key>> | undefined;
  }

  set<Key extends string>(key: Key, value: ValueOf<Key>, options: SetOptions = {}): Promise<Written> {
    const { signal, timeoutMs, ...members } = options;
    return this.#write({ op: 'set', key, value, ...members }, options, members.asOf);
  }

  delete(key: string, options: DeleteOptions = {}): Promise<Written> {
    const { signal, timeoutMs, ...members } = options;
    return this.#write({ op: 'delete', key, ...members }, options);
  }

  async subscribe<Value = unknown>(
    interest: Interest,
    onChange: (change: Change<Value>) => void,
    options: SubscribeOptions & Waiting = {},
  ): Promise<SubscriptionHandle> {
    checkInterest(interest);
    const subscription = new Subscription(
      this.#connection,
      interest,
      options,
      guarded(onChange as (change: Change) => void, this.#settings.onError),
      this.#subscribed,
    );
    this.#subscriptions.add(subscription);
    const close = () => {
      subscription.close();
      this.#subscriptions.delete(subscription);
      this.#subscribed?.onEnd(subscription);
    };
    try {
      await within(subscription.start(), this.#timeoutOf(options), options.signal);
    } catch (error) {
      close();
      throw error;
    }
    return { close };
  }

  changes<Value = unknown>(
    interest: Interest,
    options: SubscribeOptions & Pick<Waiting, 'signal'> = {},
  ): AsyncIterableIterator<Change<Value>> {
    const { signal } = options;
    const changes = new Changes<Value>(() => end());
    const end = () => {
      signal?.removeEventListener('abort', onAbort);
      this.#iterators.delete(changes as Changes<never>);
      void subscription.then((handle) => handle?.close());
    };
    const onAbort = () => {
      changes.end();
      end();
    };
    this.#iterators.add(changes as Changes<never>);
    const subscription = this.subscribe<Value>(interest, (change) => changes.push(change), options).catch(
      (error: unknown) => changes.end(signal?.aborted ? undefined : error),
    );
    signal?.addEventListener('abort', onAbort);
    return changes;
  }

  get state(): ClientState {
    const { isUp, isClosed, address, trust, lastError, requests } = this.#connection;
    const near = this.#near;
    return {
      connection: isClosed ? 'closed' : isUp ? 'up' : 'down',
      address: address.href,
      coherence: isUp ? trust.coherence : 'blind',
      isTrusted: performance.now() < trust.until,
      lastError,
      inFlight: requests.size + this.#reads.flights.size,
      nearCache: near && { entries: near.size, hits: near.hits, misses: near.misses },
    };
  }

  onState(listener: (state: ClientState) => void): () => void {
    const call = guarded(listener, this.#settings.onError);
    this.#listeners.add(call);
    return () => this.#listeners.delete(call);
  }

  async close(): Promise<void> {
    if (this.#connection.isClosed) return;
    this.#connection.close();
    this.#watcher?.close();
    this.#reads.flights.close(new RatecacheError('closed', 'the client was closed'));
    for (const subscription of this.#subscriptions) subscription.close();
    for (const changes of this.#iterators) changes.end();
    this.#notify();
  }

  up(): void {
    void this.#recover(this.#resume);
    this.#onFirstUp?.();
    // After the requests that wait for this connection.
    queueMicrotask(() => this.#reads.flights.flush());
    this.#notify();
  }

  down(): void {
    this.#resume = this.#isComplete ? this.#connection.trust.position : undefined;
    this.#distrust();
    this.#notify();
  }

  event(event: PushEvent): void {
    switch (event.event) {
      case 'update':
        return this.#onUpdate(event);
      case 'invalidate':
        return this.#onInvalidate(event);
      case 'reset':
        this.#onReset(event.reason);
        return this.#notify();
      case 'heartbeat':
        return this.#onCoherence();
    }
  }

  #onCoherence(): void {
    const { coherence } = this.#connection.trust;
    if (coherence === this.#coherence) return;
    this.#coherence = coherence;
    this.#notify();
  }

  #onUpdate(event: UpdateEvent): void {
    const { key, ttl, code } = event;
    const near = this.#near;
    const { flights } = this.#reads;
    flights.overtake(key);
    // A watch by type also reports keys that nobody reads.
    const isRead = near?.has(key) || flights.has(key) || this.#isSubscribed(key);
    const isCurrent = ttl > 0 && code === undefined;
    if (isRead && isCurrent && this.#watcher?.covers(key)) near!.store(key, event);
    else near?.delete(key);
    for (const subscription of this.#subscriptions)
      if (subscription.covers(key)) subscription.onUpdate(event);
  }

  #onInvalidate(event: InvalidateEvent): void {
    const { key, reason } = event;
    if (key === undefined) return this.#onInvalidateWhere(mayMatch(event), reason);
    this.#reads.flights.overtake(key);
    this.#near?.delete(key);
    for (const subscription of this.#subscriptions)
      if (subscription.covers(key)) subscription.onInvalidate(key, event);
  }

  #onInvalidateWhere(matches: (key: string) => boolean, reason: string): void {
    this.#reads.flights.overtakeWhere(matches);
    this.#near?.deleteWhere(matches);
    for (const subscription of this.#subscriptions) subscription.onInvalidateWhere(matches, reason);
  }

  #onReset(reason: string): void {
    if (reason === 'flush') return this.#onInvalidateWhere(everyKey, reason);
    this.#distrust();
    if (reason !== 'rearmed') return;
    const { timeoutMs } = this.#settings;
    this.#connection.requests.send({ op: 'unsubscribe' }, { timeoutMs }).catch(() => {});
    void this.#recover();
  }

  #distrust(): void {
    this.#recovery++;
    this.#isComplete = false;
    this.#near?.distrustAll();
    this.#reads.flights.overtakeWhere(everyKey);
  }

  /** Subscribes to everything again. Entries that no snapshot confirms are dropped. */
  async #recover(resume?: Position): Promise<void> {
    const recovery = ++this.#recovery;
    const subscribed = Array.from(this.#subscriptions, (subscription) => subscription.restart(resume));
    await Promise.all([this.#watcher?.watchAll(resume), ...subscribed]);
    if (recovery !== this.#recovery) return;
    this.#isComplete = true;
    this.#near?.dropStale();
  }

  #isSubscribed(key: string): boolean {
    for (const subscription of this.#subscriptions)
      if (subscription.isPrompt && subscription.covers(key)) return true;
    return false;
  }

  /** What the near cache may answer to a `get`. With `available`, the service is asked while it can be. */
  #peekFor(key: string): Result | undefined {
    const result = this.#near?.peek(key);
    if (result === undefined || result.state !== 'stale') return result;
    const asks = this.#settings.nearCache!.stale === 'available' && this.#connection.isUp;
    return asks ? undefined : result;
  }

  async #read(key: string, options: Waiting | undefined): Promise<Result> {
    return valueOrError(await within(this.#join(key, options), this.#timeoutOf(options), options?.signal));
  }

  #onTerms(keys: readonly string[], terms: TermMembers, options: Waiting): Promise<Result[]> {
    if (this.#connection.isClosed)
      return Promise.reject(new RatecacheError('closed', 'the client was closed'));
    const { signal } = options;
    return this.#reads.onTerms(keys, terms, { timeoutMs: this.#timeoutOf(options), signal });
  }

  #join(key: string, options: Waiting | undefined): Promise<Result> {
    if (this.#connection.isClosed)
      return Promise.reject(new RatecacheError('closed', 'the client was closed'));
    return this.#reads.flights.join(key, this.#timeoutOf(options));
  }

  async #write(request: Request & { key: string }, options: Waiting, asOf?: number): Promise<Written> {
    const { isClosed, trust } = this.#connection;
    if (isClosed) throw new RatecacheError('closed', 'the client was closed');
    const { key } = request;
    let written: string | undefined;
    try {
      const call = { timeoutMs: this.#timeoutOf(options), signal: options.signal, writes: true };
      const { status, version, coherence, warning } = await this.#sendWrite(request, call);
      written = version;
      const time = trust.timeAt(performance.now());
      return {
        key,
        status: status as Written['status'],
        version,
        age: version === undefined ? undefined : ageAt({ version, asOf }, time),
        state: coherence ?? (trust.coherence === 'off' ? 'off' : 'coherent'),
        tier: 'service',
        warning,
      };
    } finally {
      // A read that begins from now on must see this write.
      this.#reads.flights.overtake(key);
      if (written === undefined || this.#near?.versionOf(key) !== written) this.#near?.delete(key);
    }
  }

  async #sendWrite(request: Request, call: Call): Promise<Answer> {
    const { requests } = this.#connection;
    if (request.idempotencyKey !== undefined) return requests.send(request, call);
    try {
      return await requests.send({ ...request, idempotencyKey: newIdempotencyKey() }, call);
    } catch (error) {
      const { code, field } = error as RatecacheError;
      if (code !== 'frame_invalid' || field !== 'idempotencyKey') throw error;
      // The service does not know idempotency keys. So this write is not repeated if its connection is lost.
      return requests.send(request, call);
    }
  }

  #timeoutOf(options: Waiting | undefined): number {
    return options?.timeoutMs ?? this.#settings.timeoutMs;
  }

  #notify(): void {
    if (this.#listeners.size === 0) return;
    const { state } = this;
    for (const listener of this.#listeners) listener(state);
  }
}
