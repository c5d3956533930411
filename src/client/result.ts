import { RatecacheError } from './errors.ts';
import { type Coherence, type Item, stampOf } from './protocol.ts';

/** `near-cache`: the memory of this process. `service`: an answer of the service. */
export type Tier = 'near-cache' | 'service';

/**
 * What a result may rely on: the coherence of the service at the time of the answer. `stale`: the near cache answered
 * although it could not prove that the value is current.
 */
export type State = Coherence | 'stale';

/** What the service thinks of a value. */
export type Quality = 'good' | 'suspect' | 'halted';

/** What the service knows of a key. */
export interface Found<Value> {
  readonly key: string;
  /**
   * `hit`: the key has a value. `miss`: it has none, or with a `code` perhaps one that could not be read.
   * `error`: the value could not be returned.
   */
  readonly status: 'hit' | 'miss' | 'error';
  /** Undefined unless `status` is `hit`. */
  readonly value: Value | undefined;
  readonly version: string | undefined;
  /** When the data is from, in ms since 1970; undefined if its writer did not say. */
  readonly asOf: number | undefined;
  /** Who supplied the data; undefined if its writer did not say. */
  readonly source: string | undefined;
  /** `suspect`: the service doubts the value. `halted`: it is not returned, unless the call has `halted: 'serve'`. */
  readonly quality: Quality;
  /** Why the value is not good; undefined for a good one. */
  readonly qualityReason: string | undefined;
  /** The key whose value is returned in place of the requested one. */
  readonly fallback: string | undefined;
  /** Why a hit may be stale, why a miss is not certain, or why the value could not be returned. */
  readonly code: string | undefined;
  /** The age of the data in ms, where the value was not returned because of it. */
  readonly ageMs?: number | undefined;
}

/** An item of an answer, as the service sends it. */
export function foundIn({
  key,
  status,
  value,
  version,
  asOf,
  source,
  code,
  age,
  ...item
}: Item): Found<unknown> {
  const ageMs = age === undefined ? undefined : age * 1000;
  const { quality = 'good', qualityReason, fallback } = item;
  return {
    key,
    status: status!,
    value,
    version,
    asOf,
    source,
    quality,
    qualityReason,
    fallback,
    code,
    ageMs,
  };
}

/** The answer to a read of one key. */
export class Result<Value = unknown> implements Found<Value> {
  readonly key: string;
  readonly status: 'hit' | 'miss' | 'error';
  readonly value: Value | undefined;
  readonly version: string | undefined;
  readonly asOf: number | undefined;
  readonly source: string | undefined;
  readonly quality: Quality;
  readonly qualityReason: string | undefined;
  readonly fallback: string | undefined;
  readonly code: string | undefined;
  readonly state: State;
  /** What answered. */
  readonly tier: Tier;
  /** The time of the service at which the result was made, in ms since the epoch. */
  readonly #time: number;
  readonly #ageMs: number | undefined;

  constructor(found: Found<Value>, state: State, tier: Tier, time: number) {
    this.key = found.key;
    this.status = found.status;
    this.value = found.value;
    this.version = found.version;
    this.asOf = found.asOf;
    this.source = found.source;
    this.quality = found.quality;
    this.qualityReason = found.qualityReason;
    this.fallback = found.fallback;
    this.code = found.code;
    this.state = state;
    this.tier = tier;
    this.#time = time;
    this.#ageMs = found.ageMs;
  }

  /**
   * The age of the data in ms: counted from `asOf`, else from when the value was written. Undefined without a value, or
   * if another program wrote it. With the code `terms_not_met`, it is the age of the value that was not returned.
   */
  get age(): number | undefined {
    return this.#ageMs ?? ageAt(this, this.#time);
  }
}

/** What shows how old a value is. */
interface Dated {
  readonly version?: string | undefined;
  readonly asOf?: number | undefined;
}

export function ageAt({ version, asOf }: Dated, time: number): number | undefined {
  const from = asOf ?? (version === undefined ? undefined : stampOf(version));
  return from === undefined ? undefined : Math.max(0, time - from);
}

/** @throws RatecacheError if the value could not be returned */
export function valueOrError(result: Result): Result {
  const { status, key, code = 'internal', age, qualityReason } = result;
  if (status !== 'error') return result;
  const detail = qualityReason ?? (age === undefined ? undefined : `its data is ${Math.round(age)} ms old`);
  const why = detail === undefined ? code : `${code}: ${detail}`;
  throw new RatecacheError(code, `${key} cannot be returned: ${why}`, { ageMs: age });
}
