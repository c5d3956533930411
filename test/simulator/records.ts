/** What clients asked, and what they were answered. */

export interface Operation {
  readonly id: number;
  readonly kind: 'put' | 'delete' | 'invalidate';
  /** Undefined for one that names its keys by a pattern or a type. */
  readonly key: string | undefined;
  readonly covers: (key: string) => boolean;
  readonly replica: number;
  readonly incarnation: number;
  readonly sent: number;
  /** Undefined while there is no answer. */
  answered: number | undefined;
  /** A status, or the code of an error. */
  outcome: string | undefined;
  /** What a put writes. */
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
  /** What the answer says of itself; undefined where it is as good as any. */
  readonly mark: string | undefined;
  /** How often the replica had lost coherence when it was asked, and when it answered. */
  readonly losses: readonly [number, number];
}

/** The time, and from then on the state. */
export type Coherence = readonly (readonly [at: number, state: string])[];

export interface Violation {
  readonly rule: string;
  readonly key: string | undefined;
  readonly replica: number | undefined;
  readonly text: string;
  readonly at: number;
}
