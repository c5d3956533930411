/** How a `*.bench.ts` says what it measures: its default export is a list of groups. */

/**
 * What is measured. `i` counts the calls. The result must depend on the work: results are added up, so that the compiler
 * cannot leave the work out.
 */
export type Operation = (i: number) => number | Promise<number>;

export interface Benchmark {
  readonly name: string;
  readonly op: Operation;
  readonly isAsync: boolean;
  /** How many operations one call stands for. */
  readonly operations: number;
}

export interface Group {
  readonly name: string;
  /** Builds what is measured. One group at a time exists. */
  readonly prepare: () => Prepared | Promise<Prepared>;
}

/** Benchmarks that are measured in turn, round by round. */
export interface Prepared {
  readonly benchmarks: readonly Benchmark[];
  /** The name of the benchmark that ratios compare with. */
  readonly reference: string;
  readonly close?: () => void | Promise<void>;
}

export function group(name: string, prepare: Group['prepare']): Group {
  return { name, prepare };
}

/** @param operations how many operations one call stands for */
export function sync(name: string, op: (i: number) => number, operations = 1): Benchmark {
  return { name, op, isAsync: false, operations };
}

export function awaited(name: string, op: (i: number) => Promise<number>, operations = 1): Benchmark {
  return { name, op, isAsync: true, operations };
}
