/**
 * Limits of requests and bytes per second, for each principal and for each address. A request costs a map lookup and a few
 * additions. Libraries such as rate-limiter-flexible cost a promise and a timer for each request, which is more than a hit.
 */
import { ServiceError } from '../errors.ts';
import type { Counters, Limit } from '../metrics/counters.ts';
import type { Principal, Limits as PrincipalLimits } from './principal.ts';

/** A client may use one second of its rate at once. */
const BURST_MS = 1000;

/** Addresses that are remembered. Beyond this number, the oldest is forgotten, and its client starts anew. */
const MAX_ADDRESSES = 50_000;

/**
 * A token bucket as one number: when the bucket would be full again. Something that is larger than the bucket is allowed
 * while the bucket is not empty, and then the client waits longer.
 */
class Bucket {
  readonly rate: number;
  #fullAt = Number.NEGATIVE_INFINITY;

  constructor(rate: number) {
    this.rate = rate;
  }

  /** Milliseconds until the bucket is not empty; 0 if it is not. */
  waitMs(now: number): number {
    return Math.max(0, this.#fullAt - now - BURST_MS + 1000 / this.rate);
  }

  take(amount: number, now: number): void {
    this.#fullAt = Math.max(this.#fullAt, now) + (amount / this.rate) * 1000;
  }
}

type Unit = 'requests' | 'bytes';

/** The client must wait. `headers` are those of the answer over HTTP. */
export class RateLimited extends ServiceError {
  readonly retryAfterMs: number;
  readonly headers: readonly (readonly [name: string, value: string])[];

  constructor(whose: 'token' | 'address', unit: Unit, rate: number, waitMs: number) {
    super('rate_limited', `at most ${rate} ${unit} per second are allowed for each ${whose}`);
    this.retryAfterMs = Math.ceil(waitMs);
    const seconds = Math.ceil(waitMs / 1000);
    const policy = `"${whose}-${unit}"`;
    this.headers = [
      ['Retry-After', String(seconds)],
      ['RateLimit', `${policy};r=0;t=${seconds}`],
      ['RateLimit-Policy', `${policy};q=${rate};w=1`],
    ];
  }
}

/** Counts the bytes of a request as they arrive. */
export type CountBytes = (bytes: number) => void;

/** The buckets of one client. */
class Client {
  readonly #whose: 'token' | 'address';
  readonly #requests: Bucket | undefined;
  readonly #bytes: Bucket | undefined;
  readonly #now: () => number;
  /** Undefined where bytes are not limited. */
  readonly countBytes: CountBytes | undefined;

  constructor(whose: 'token' | 'address', limits: PrincipalLimits, now: () => number) {
    const { requestsPerSecond, bytesPerSecond } = limits;
    this.#whose = whose;
    this.#now = now;
    this.#requests = requestsPerSecond === undefined ? undefined : new Bucket(requestsPerSecond);
    const bytes = bytesPerSecond === undefined ? undefined : new Bucket(bytesPerSecond);
    this.#bytes = bytes;
    this.countBytes = bytes && ((amount) => bytes.take(amount, now()));
  }

  hasLimits({ requestsPerSecond, bytesPerSecond }: PrincipalLimits): boolean {
    return this.#requests?.rate === requestsPerSecond && this.#bytes?.rate === bytesPerSecond;
  }

  /** Counts a request. Returns an error and its limit if the client must wait. */
  countRequest(): { readonly limit: Limit; readonly error: RateLimited } | undefined {
    const now = this.#now();
    const refused =
      this.#refusal('bytes', this.#bytes, now) ?? this.#refusal('requests', this.#requests, now);
    if (refused === undefined) this.#requests?.take(1, now);
    return refused;
  }

  #refusal(unit: Unit, bucket: Bucket | undefined, now: number) {
    const waitMs = bucket?.waitMs(now) ?? 0;
    if (waitMs <= 0) return undefined;
    const error = new RateLimited(this.#whose, unit, bucket!.rate, waitMs);
    return { limit: `${this.#whose}_${unit}` as const, error };
  }
}

export interface RateLimitOptions {
  /** For each address; undefined or 0 sets no limit. */
  readonly addressRequestsPerSecond?: number;
  readonly addressBytesPerSecond?: number;
}

export class RateLimits {
  readonly #counters: Counters;
  readonly #now: () => number;
  #addressLimits: PrincipalLimits | undefined;
  readonly #addresses = new Map<string, Client>();
  /** By name. A name is unique only among the principals with the same proof. */
  readonly #principals = { token: new Map<string, Client>(), jwt: new Map<string, Client>() };

  /** @param now a clock in milliseconds that never goes back */
  constructor(options: RateLimitOptions, counters: Counters, now: () => number = () => performance.now()) {
    this.limitAddresses(options);
    this.#counters = counters;
    this.#now = now;
  }

  /** Sets the limits for each address. An address whose limits change may use a second of its rate at once again. */
  limitAddresses({ addressRequestsPerSecond = 0, addressBytesPerSecond = 0 }: RateLimitOptions): void {
    const limits = {
      requestsPerSecond: addressRequestsPerSecond || undefined,
      bytesPerSecond: addressBytesPerSecond || undefined,
    };
    this.#addressLimits = Object.values(limits).some(Boolean) ? limits : undefined;
  }

  /** Whether `countAddress` must be called. */
  get limitsAddresses(): boolean {
    return this.#addressLimits !== undefined;
  }

  /**
   * Counts a request from a network.
   * @returns a function for the bytes of the request; undefined where bytes are not limited
   * @throws RateLimited
   */
  countAddress(network: string): CountBytes | undefined {
    return this.#addressLimits && this.#count(this.#clientAt(network, this.#addressLimits));
  }

  /** As `countAddress`, for a principal. */
  countPrincipal(principal: Principal): CountBytes | undefined {
    const client = this.#clientOf(principal);
    return client && this.#count(client);
  }

  #count(client: Client): CountBytes | undefined {
    const refused = client.countRequest();
    if (refused === undefined) return client.countBytes;
    this.#counters.countLimited(refused.limit);
    throw refused.error;
  }

  #clientOf({ limits, name, via }: Principal): Client | undefined {
    if (limits === undefined) return undefined;
    const known = this.#principals[via].get(name);
    if (known?.hasLimits(limits)) return known;
    // The tokens file has other limits now, or this is the first request. The file bounds the number of names.
    const client = new Client('token', limits, this.#now);
    this.#principals[via].set(name, client);
    return client;
  }

  #clientAt(network: string, limits: PrincipalLimits): Client {
    const known = this.#addresses.get(network);
    if (known?.hasLimits(limits)) return known;
    if (known === undefined && this.#addresses.size >= MAX_ADDRESSES)
      this.#addresses.delete(this.#addresses.keys().next().value!);
    const client = new Client('address', limits, this.#now);
    this.#addresses.set(network, client);
    return client;
  }
}

/**
 * Returns the network of an address, which counts as one client: a host may have all addresses of an IPv6 network of 64 bits.
 * @param address its bytes, as uWS returns them
 */
export function networkOf(address: ArrayBuffer): string {
  const bytes = Buffer.from(address);
  if (bytes.length !== 16) return bytes.toString('latin1');
  const isMapped =
    bytes.readUIntBE(0, 6) === 0 && bytes.readUInt32BE(6) === 0 && bytes.readUInt16BE(10) === 0xffff;
  return isMapped ? bytes.toString('latin1', 12) : bytes.toString('latin1', 0, 8);
}
