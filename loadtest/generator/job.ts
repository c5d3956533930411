import type { Profile } from '../profile.ts';
import type { Latency, Requests } from '../result.ts';
import type { SecondSent } from '../support/recorder.ts';

/** What the generator is told to do, as it goes from process to process. */
export interface Job {
  readonly profile: Pick<Profile, 'load' | 'data' | 'traffic'>;
  readonly seed: number;
  /** Of the server that is measured. */
  readonly port: number;
  /** Of the one that does nothing. */
  readonly ceilingPort: number;
  /** How long the ceiling is measured. */
  readonly ceilingMs: number;
  /** After this time a request is given up. */
  readonly timeoutMs: number;
}

/** What came of it, as far as the generator can know. */
export interface Generated {
  readonly requests: Requests;
  readonly throughputPerSecond: number;
  readonly latency: Latency;
  readonly seconds: readonly SecondSent[];
  /** Its share of a core in the measured part. */
  readonly cpuShare: number;
  readonly lateP99Us: number;
}

/** What the generator tells while it works. */
export type GeneratorMessage =
  | { readonly kind: 'ceiling'; readonly perSecond: number }
  | { readonly kind: 'measuring' }
  | { readonly kind: 'second'; readonly second: SecondSent }
  | { readonly kind: 'done'; readonly generated: Generated }
  | { readonly kind: 'failed'; readonly message: string };
