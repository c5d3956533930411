/** The requests of clients and their answers. */

export interface Operation {
  readonly id: number;
  readonly kind: 'put' | 'delete' | 'invalidate';
  /** Undefined for an operation by pattern or type. */
  readonly key: string | undefined;
  readonly covers: (key: string) => boolean;
  readonly replica: number;
  readonly incarnation: number;
  readonly sent: number;
  /** When the answer came; undefined without an answer. */
  answered: number | undefined;
  /** The status, or the code of the error. */
  outcome: string | undefined;
  /** The value that a put writes. */
  readonly value: string | undefined;
  readonly ttlMs: number | undefined;
  readonly conditional: boolean;
}

export interface Read {
  readonly kind: 'get' | 'mget' | 'socket-get' | 'last';
  readonly replica: number;
  readonly incarnation: number;
  readonly key: string;
  readonly start: number;
  readonly end: number;
  readonly value: string | undefined;
  /** The mark of the answer in `Cache-Status`; undefined for an unmarked answer. */
  readonly mark: string | undefined;
  /** How often the replica had lost coherence at the request and at the answer. */
  readonly losses: readonly [number, number];
}

/** The times of the changes of the state, each with the new state. */
export type Coherence = readonly (readonly [at: number, state: string])[];

export interface Violation {
  readonly rule: string;
  readonly key: string | undefined;
  readonly replica: number | undefined;
  readonly text: string;
  readonly at: number;
}

/** Whether a replica was coherent all the time. */
export function coherentFrom(timeline: Coherence, from: number, until: number): boolean {
  return !timeline.some(([at, state], i) => {
    const end = timeline[i + 1]?.[0] ?? Number.POSITIVE_INFINITY;
    return state !== 'coherent' && at <= until && end >= from;
  });
}
