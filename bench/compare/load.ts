import type { Answer, Running } from './contender.ts';
import type { Figure } from './figure.ts';

export interface Load {
  /** Programs of the generator. */
  readonly needs?: readonly string[];
  /** One answer, for a server that imitates. */
  example?(server: Running): Promise<Answer>;
  /** Rejects where the server does not answer as it should; called once, before anything is measured. */
  verify?(server: Running): Promise<void>;
  /** Called before each measured run. Without it, the load runs for a short time instead. */
  warmUp?(server: Running): Promise<void>;
  /** Works at the server for about so long. */
  run(server: Running, seconds: number): Promise<Outcome>;
}

export interface Outcome {
  readonly requests: number;
  readonly seconds: number;
  /** What went wrong. A run with faults does not count. */
  readonly faults: readonly string[];
  /** What the load knows beyond rates and CPU time. */
  readonly figures?: Partial<Record<Figure, number>>;
}
