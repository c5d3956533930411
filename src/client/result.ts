import { type Coherence, stampOf } from './protocol.ts';

/** `near-cache`: the memory of this process. `service`: an answer of the service. */
export type Source = 'near-cache' | 'service';

/**
 * What a result may rely on: the coherence of the service at the time of the answer. `stale`: the near cache answered
 * although it could not prove that the value is current.
 */
export type State = Coherence | 'stale';

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
  /** Why a hit may be stale, why a miss is not certain, or why the value could not be returned. */
  readonly code: string | undefined;
}

/** The answer to a read of one key. */
export class Result<Value = unknown> implements Found<Value> {
  readonly key: string;
  readonly status: 'hit' | 'miss' | 'error';
  readonly value: Value | undefined;
  readonly version: string | undefined;
  readonly code: string | undefined;
  readonly state: State;
  readonly source: Source;
  /** The time of the service at which the result was made, in ms since the epoch. */
  readonly #time: number;

  constructor(found: Found<Value>, state: State, source: Source, time: number) {
    this.key = found.key;
    this.status = found.status;
    this.value = found.value;
    this.version = found.version;
    this.code = found.code;
    this.state = state;
    this.source = source;
    this.#time = time;
  }

  /** The time since the value was written, in ms; undefined without a value, or if another program wrote it. */
  get age(): number | undefined {
    return ageAt(this.version, this.#time);
  }
}

export function ageAt(version: string | undefined, time: number): number | undefined {
  const stamp = version === undefined ? undefined : stampOf(version);
  return stamp === undefined ? undefined : Math.max(0, time - stamp);
}
