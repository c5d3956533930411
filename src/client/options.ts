import type { Codec } from './codec.ts';

/**
 * What the near cache may answer while it cannot prove that an entry is current:
 * - `strict`: nothing; the service is asked;
 * - `maxStalenessMs`: entries that were current at most this long ago;
 * - `available`: while the service cannot answer, every entry that has not expired.
 */
export type StalePolicy = 'strict' | 'available' | { readonly maxStalenessMs: number };

export interface NearCacheOptions {
  /** Entries that the near cache stores at most. Default: 10,000. */
  readonly maxEntries?: number;
  /** Default: `strict`. */
  readonly stale?: StalePolicy;
  /** Keys of one data type that are watched one by one. With more keys the client watches the type. Default: 100. */
  readonly keysPerType?: number;
}

export interface Options {
  /** The bearer token. A function is called for each connection, so that it may return a new token. */
  readonly token?: string | (() => string | Promise<string>);
  /** Without it, the client stores nothing. Not available over HTTP. */
  readonly nearCache?: NearCacheOptions;
  /** JSON by default; or `msgpack` from `ratecache-client/msgpack`. */
  readonly codec?: Codec;
  /** The deadline of a call, in ms. Default: 2000. */
  readonly timeoutMs?: number;
  /** How long `connect` waits for the first connection, and each attempt for its token, in ms. Default: 5000. */
  readonly connectTimeoutMs?: number;
  /**
   * The near cache is trusted this long after the time that a heartbeat proves, in ms. After this silence of the service the
   * client connects again. Default: 1000.
   */
  readonly maxSilenceMs?: number;
  /** Keys and writes without an answer yet. Further calls fail with `too_many_requests`. Default: 10,000. */
  readonly maxInFlight?: number;
  /** Receives the errors that handlers of changes and states throw. Default: `console.error`. */
  readonly onError?: (error: unknown) => void;
  /** Keys of one request. At most `MAX_BATCH_KEYS` of the service. Default: 500. */
  readonly maxBatchKeys?: number;
}

/** The options with their defaults. */
export type Settings = Readonly<
  Required<Omit<Options, 'token' | 'nearCache'>> & {
    token: Options['token'];
    nearCache: Required<NearCacheOptions> | undefined;
  }
>;

export function settingsOf(options: Options, codec: Codec): Settings {
  const { nearCache, token } = options;
  return Object.freeze({
    token,
    codec: options.codec ?? codec,
    timeoutMs: options.timeoutMs ?? 2000,
    connectTimeoutMs: options.connectTimeoutMs ?? 5000,
    maxSilenceMs: options.maxSilenceMs ?? 1000,
    maxInFlight: options.maxInFlight ?? 10_000,
    maxBatchKeys: options.maxBatchKeys ?? 500,
    onError: options.onError ?? ((error) => console.error('a handler of ratecache-client failed:', error)),
    nearCache: nearCache && {
      maxEntries: nearCache.maxEntries ?? 10_000,
      stale: nearCache.stale ?? 'strict',
      keysPerType: nearCache.keysPerType ?? 100,
    },
  });
}

/** The token for one connection. */
export async function tokenOf({ token }: Settings): Promise<string | undefined> {
  return typeof token === 'function' ? token() : token;
}
