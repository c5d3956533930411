import type { Profile } from '../profile.ts';
import type { Latency, Requests } from '../result.ts';
import type { Headers } from '../support/head.ts';
import type { SecondSent } from '../support/recorder.ts';

/** The job of the generator, as a message between processes. */
export interface Job {
  readonly profile: Pick<Profile, 'load' | 'data' | 'traffic'>;
  readonly seed: number;
  /** Address of the measured server. Default of the host: 127.0.0.1. */
  readonly host?: string;
  readonly port: number;
  /** The name in its certificate; without it the connections are plain. */
  readonly secureName?: string;
  /** Header lines of every request, `Host` included. Default: `Host: 127.0.0.1`. */
  readonly headers?: Headers;
  /** Port of the constant server. */
  readonly ceilingPort: number;
  /** Duration of the ceiling measurement. */
  readonly ceilingMs: number;
  /** Timeout of a request. */
  readonly timeoutMs: number;
}

/** Functions that are called while a load runs. */
export interface LoadHooks {
  /** Called when the measured part begins. */
  readonly onMeasuring?: () => void;
  readonly onSecond?: (second: SecondSent) => void;
  /** Called for every answer, also in the warm-up, or for every push that counts, with its time as `performance.now()`. */
  readonly onAnswer?: (now: number) => void;
}

/** The results that the generator can measure. */
export interface Generated {
  readonly requests: Requests;
  readonly throughputPerSecond: number;
  readonly latency: Latency;
  readonly seconds: readonly SecondSent[];
  /** CPU of the generator in the measured part, as a share of a core. */
  readonly cpuShare: number;
  readonly lateP99Us: number;
}

/** Messages of the generator. */
export type GeneratorMessage =
  | { readonly kind: 'ceiling'; readonly perSecond: number }
  | { readonly kind: 'measuring' }
  | { readonly kind: 'second'; readonly second: SecondSent }
  | { readonly kind: 'done'; readonly generated: Generated }
  | { readonly kind: 'failed'; readonly message: string };
