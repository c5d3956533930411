import type { Change } from './change.ts';
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
import { encodedWith } from './codec.ts';
import type { ValueOf } from './data-types.ts';
import { RatecacheError } from './errors.ts';
import { type Flight, Flights } from './flights.ts';
import { guarded } from './guarded.ts';
import { newIdempotencyKey } from './idempotency-key.ts';
import { type Settings, tokenOf } from './options.ts';
import { type Answer, type Coherence, errorOf, type Item } from './protocol.ts';
import { isSettled, unknownOutcome } from './requests.ts';
import { ageAt, foundIn, Result, valueOrError } from './result.ts';
import { slicesOf, type TermMembers, termMembersOf } from './terms.ts';
import { type Waiting, within } from './wait.ts';

interface HttpAnswer {
  readonly response: Response;
  /** The decoded body; undefined without one. */
  readonly body: Partial<Answer> | undefined;
}

interface HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** Errors after which the service may have received the request. */
const LOST: ReadonlySet<string> = new Set(['disconnected', 'timeout', 'aborted']);

/**
 * The client over HTTP, for networks that do not allow WebSocket. It has no near cache and no subscriptions, because the
 * service cannot notify it of changes.
 */
export class HttpClient implements Client {
  readonly #addresses: readonly URL[];
  readonly #settings: Settings;
  readonly #flights: Flights;
  /** Aborts the requests that are under way. One signal for all would collect a listener of each request. */
  readonly #open = new Set<AbortController>();
  #isClosed = false;
  readonly #listeners = new Set<(state: ClientState) => void>();
  #attempt = 0;
  #coherence: Coherence = 'coherent';
  #lastError: RatecacheError | undefined;

  constructor(addresses: readonly URL[], settings: Settings) {
    this.#addresses = addresses;
    this.#settings = settings;
    this.#flights = new Flights({
      ...settings,
      send: (flights) => this.#mget(flights),
      isFull: () => false,
    });
  }

  async get<Key extends string>(key: Key, options?: ReadOptions): Promise<Result<ValueOf<Key>>> {
    const terms = termMembersOf(options);
    const result =
      terms === undefined
        ? await within(this.#join(key, options), this.#timeoutOf(options), options?.signal)
        : (await this.#onTerms([key], terms, options!))[0]!;
    return valueOrError(result) as Result<ValueOf<Key>>;
  }

  async getMany<const Keys extends readonly string[]>(
    keys: Keys,
    options?: ReadOptions,
  ): Promise<Results<Keys>> {
    const terms = termMembersOf(options);
    if (terms !== undefined) return (await this.#onTerms(keys, terms, options!)) as unknown as Results<Keys>;
    const all = Promise.all(keys.map((key) => this.#join(key, options)));
    return (await within(all, this.#timeoutOf(options), options?.signal)) as unknown as Results<Keys>;
  }

  peek(): undefined {
    return undefined;
  }

  async set<Key extends string>(key: Key, value: ValueOf<Key>, options: SetOptions = {}): Promise<Written> {
    const { ttl, asOf, source, suspect } = options;
    const parameters = new URLSearchParams({
      ...(ttl === undefined ? {} : { ttl: String(ttl) }),
      ...(asOf === undefined ? {} : { asOf: new Date(asOf).toISOString() }),
      ...(source === undefined ? {} : { source }),
      ...(suspect === undefined ? {} : { suspect: 'true' }),
    });
    const path = parameters.size === 0 ? pathOf(key) : `${pathOf(key)}?${parameters}`;
    const request = { method: 'PUT', path, headers: headersOf(options), body: value };
    return this.#write(key, request, options, asOf);
  }

  delete(key: string, options: DeleteOptions = {}): Promise<Written> {
    return this.#write(key, { method: 'DELETE', path: pathOf(key), headers: headersOf(options) }, options);
  }

  subscribe(): Promise<SubscriptionHandle> {
    return Promise.reject(notSupported());
  }

  changes<Value = unknown>(): AsyncIterableIterator<Change<Value>> {
    throw notSupported();
  }

  get state(): ClientState {
    return {
      connection: this.#isClosed ? 'closed' : this.#lastError === undefined ? 'up' : 'down',
      address: this.#address.href,
      coherence: this.#coherence,
      isTrusted: false,
      lastError: this.#lastError,
      inFlight: this.#open.size,
      nearCache: undefined,
    };
  }

  onState(listener: (state: ClientState) => void): () => void {
    const call = guarded(listener, this.#settings.onError);
    this.#listeners.add(call);
    return () => this.#listeners.delete(call);
  }

  async close(): Promise<void> {
    const error = new RatecacheError('closed', 'the client was closed');
    this.#isClosed = true;
    for (const request of this.#open) request.abort(error);
    this.#flights.close(error);
    this.#notify();
  }

  get #address(): URL {
    return this.#addresses[this.#attempt % this.#addresses.length]!;
  }

  #join(key: string, options: Waiting | undefined): Promise<Result> {
    if (this.#isClosed) return Promise.reject(new RatecacheError('closed', 'the client was closed'));
    return this.#flights.join(key, this.#timeoutOf(options));
  }

  async #mget(flights: readonly Flight[]): Promise<void> {
    const keys = flights.map(({ key }) => key);
    try {
      const request = { method: 'POST', path: '/v1/mget', body: { keys } };
      const { body } = await this.#withRetries(request, this.#flights.remaining(flights));
      const { results = [], coherence } = body ?? {};
      this.#setCoherence(coherence ?? 'coherent');
      for (const [i, flight] of flights.entries()) {
        if (flight.overtaken) this.#flights.again(flight);
        else flight.resolve(this.#result(results[i] as Item));
      }
    } catch (error) {
      for (const flight of flights) flight.reject(error);
    }
  }

  /** Reads keys on terms. No other caller shares the requests. */
  async #onTerms(keys: readonly string[], members: TermMembers, options: Waiting): Promise<Result[]> {
    const { maxBatchKeys } = this.#settings;
    const slices = await Promise.all(
      slicesOf(keys, maxBatchKeys).map(async (slice) => {
        const request = { method: 'POST', path: '/v1/mget', body: { keys: slice, ...members } };
        const { body } = await this.#withRetries(request, this.#timeoutOf(options), options.signal);
        this.#setCoherence(body?.coherence ?? 'coherent');
        return (body?.results ?? []).map((item) => this.#result(item));
      }),
    );
    return slices.flat();
  }

  #result(item: Item): Result {
    return new Result(foundIn(item), this.#coherence, 'service', Date.now());
  }

  /** Repeats a request whose answer was lost: once at each address. */
  async #withRetries(request: HttpRequest, timeoutMs: number, signal?: AbortSignal): Promise<HttpAnswer> {
    const deadline = performance.now() + timeoutMs;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#request(request, deadline - performance.now(), signal);
      } catch (error) {
        const { code } = error as RatecacheError;
        if (code === 'disconnected' && attempt < Math.max(2, this.#addresses.length)) continue;
        const isUnknown = request.method !== 'POST' && (attempt > 1 || LOST.has(code));
        throw isUnknown && !isSettled(error as RatecacheError)
          ? unknownOutcome(error as RatecacheError)
          : error;
      }
    }
  }

  async #write(key: string, request: HttpRequest, options: Waiting, asOf?: number): Promise<Written> {
    try {
      const { response, body } = await this.#withRetries(request, this.#timeoutOf(options), options.signal);
      const version = versionOf(response);
      const done = request.method === 'DELETE' ? 'deleted' : response.status === 201 ? 'created' : 'replaced';
      return {
        key,
        status: response.status === 202 ? (body!.status as Written['status']) : done,
        version,
        age: version === undefined ? undefined : ageAt({ version, asOf }, Date.now()),
        state: this.#coherence,
        tier: 'service',
        warning: response.headers.get('Ratecache-Warning') ?? undefined,
      };
    } finally {
      this.#flights.overtake(key);
    }
  }

  async #request(
    { method, path, headers, body }: HttpRequest,
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<HttpAnswer> {
    const { codec } = this.#settings;
    const token = await tokenOf(this.#settings);
    if (this.#isClosed) throw new RatecacheError('closed', 'the client was closed');
    const stop = new AbortController();
    this.#open.add(stop);
    try {
      const sent = fetch(this.#address.origin + path, {
        method,
        signal: stop.signal,
        headers: {
          ...headers,
          Accept: codec.mediaType,
          ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { 'Content-Type': codec.mediaType }),
        },
        ...(body === undefined ? {} : { body: encodedWith(codec, body) as Uint8Array<ArrayBuffer> }),
      });
      const answer = sent.then((response) => this.#answerOf(response));
      return await within(answer, timeoutMs, signal);
    } catch (error) {
      stop.abort();
      if (error instanceof RatecacheError) throw error;
      if (this.#isClosed) throw new RatecacheError('closed', 'the client was closed');
      const message = `${this.#address.host} did not answer${reasonOf(error)}`;
      const lost = new RatecacheError('disconnected', message, { cause: error });
      this.#lastError = lost;
      this.#attempt++;
      this.#notify();
      throw lost;
    } finally {
      this.#open.delete(stop);
    }
  }

  /** @throws RatecacheError if the service answered with an error */
  async #answerOf(response: Response): Promise<HttpAnswer> {
    const type = response.headers.get('Content-Type');
    const isProblem = type === 'application/problem+json';
    const isJson = isProblem || type?.startsWith('application/json') === true;
    const content = isJson ? await response.text() : new Uint8Array(await response.arrayBuffer());
    if (this.#lastError !== undefined) {
      this.#lastError = undefined;
      this.#notify();
    }
    if (isProblem || !response.ok) {
      const retryAfter = Number(response.headers.get('Retry-After') ?? Number.NaN);
      const retryAfterMs = Number.isNaN(retryAfter) ? undefined : retryAfter * 1000;
      const problem: Partial<Answer> = isProblem
        ? JSON.parse(content as string)
        : { detail: `HTTP ${response.status}` };
      throw errorOf({ ...problem, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
    }
    if (content.length === 0) return { response, body: undefined };
    const body = typeof content === 'string' ? JSON.parse(content) : this.#settings.codec.decode(content);
    return { response, body: body as Partial<Answer> };
  }

  #setCoherence(coherence: Coherence): void {
    if (coherence === this.#coherence) return;
    this.#coherence = coherence;
    this.#notify();
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

function pathOf(key: string): string {
  return `/v1/cache/${encodeURIComponent(key)}`;
}

function headersOf({
  ifVersion,
  ifAbsent,
  ifExists,
  ifNewer,
  asOf,
  idempotencyKey,
}: SetOptions): Record<string, string> {
  return {
    'Idempotency-Key': idempotencyKey ?? newIdempotencyKey(),
    ...(ifVersion === undefined ? {} : { 'If-Match': `"${ifVersion}"` }),
    ...(ifExists ? { 'If-Match': '*' } : {}),
    ...(ifAbsent ? { 'If-None-Match': '*' } : {}),
    // The milliseconds are in the query. Without a time the service refuses the header.
    ...(ifNewer ? { 'If-Unmodified-Since': asOf === undefined ? '' : new Date(asOf).toUTCString() } : {}),
  };
}

function versionOf(response: Response): string | undefined {
  // The ETag has a suffix where the answer is not plain JSON.
  return /[0-9a-f]{24}/.exec(response.headers.get('ETag') ?? '')?.[0];
}

/** Why `fetch` failed, where the platform tells: its own message is only "fetch failed". */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && cause.message !== '' ? `: ${cause.message}` : '';
}

function notSupported(): RatecacheError {
  return new RatecacheError(
    'not_supported',
    'HTTP cannot report changes; connect with a ws:// or wss:// address',
  );
}
