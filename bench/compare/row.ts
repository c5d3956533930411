/** How a file of `rows/` says what it measures. */
import type { Peer, Running } from '../peers/peer.ts';

/** Contestants that are measured in turn, round by round. */
export interface Row {
  /** As the command line takes it. */
  readonly name: string;
  readonly title: string;
  /** What tells this row's figures from the others', in a sentence or two for the document. */
  readonly about: string;
  readonly contestants: readonly Contestant[];
  /** Names of contestants that the others are told as multiples of. */
  readonly references: readonly string[];
  /** Of which figures there are columns. */
  readonly columns: 'throughput' | 'work' | 'latency' | 'starts' | 'allocation' | 'instructions';
  /** At most so many rounds: what is counted, and not timed, is the same in each. */
  readonly rounds?: number;
  /** What is rare wants longer runs: so many times as long as the others'. */
  readonly longer?: number;
  /** Processes of the same sources differ by some percent for as long as they live: each round begins with new ones. */
  readonly anew?: boolean;
}

export interface Contestant {
  readonly name: string;
  readonly title: string;
  readonly peer: Peer;
  readonly load: Load;
  /** The contestant whose answer it takes over, where its server imitates; else that is the first of the row. */
  readonly model?: string;
}

export interface Load {
  /** One answer as bytes, to compare answers by, and to imitate. */
  example?(server: Running): Promise<Buffer>;
  /** Rejects where the server does not answer as it should; asked once, before anything is measured. */
  verify?(server: Running): Promise<void>;
  /** What is not measured comes first in each of its runs; others are run once before, for a while. */
  readonly warmsUp?: boolean;
  /** Works at the server for about so long. */
  run(server: Running, seconds: number): Promise<Outcome>;
}

export interface Outcome {
  readonly requests: number;
  readonly seconds: number;
  /** What went wrong. A run of which anything did does not count. */
  readonly faults: readonly string[];
  readonly bytesPerAnswer?: number;
  readonly latency?: Percentiles;
  readonly allocated?: Allocated;
  /** Of a request, on average. */
  readonly instructions?: number;
}

export interface Percentiles {
  readonly p50Us: number;
  readonly p99Us?: number;
  readonly p999Us?: number;
}

/** Bytes on the heap of V8, on average. */
export interface Allocated {
  readonly perRequest: number;
  /** Where a request asks for several. */
  readonly perKey?: number;
}

/** A contestant that is called as its peer is. */
export function by(peer: Peer, load: Load): Contestant {
  return { name: peer.name, title: peer.title, peer, load };
}
