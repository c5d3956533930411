/** How a `*.bench.ts` says what it measures: its default export is a list of groups. */
import type { AsyncOperation, Operation } from './loop.ts';

interface Common {
  readonly name: string;
  /** How many operations one call stands for. */
  readonly operations: number;
  /** It is not ours: measured to compare ours with, and no part of `bench/baseline.json`. */
  readonly peer: boolean;
  /** Called before its warm-up and before each of its rounds. */
  readonly before?: () => void;
}

export type Benchmark = Common &
  ({ readonly async: false; readonly op: Operation } | { readonly async: true; readonly op: AsyncOperation });

/** Benchmarks that are measured in turn, round by round. */
export interface Prepared {
  readonly benchmarks: readonly Benchmark[];
  /** The name of the benchmark that the others are told as multiples of. */
  readonly reference?: string;
  readonly close?: () => void | Promise<void>;
}

export interface Group {
  readonly name: string;
  /** Builds what is measured; one group at a time is built, and let go again. */
  readonly prepare: () => Prepared | Promise<Prepared>;
}

export function group(name: string, prepare: Group['prepare']): Group {
  return { name, prepare };
}

/** @param operations how many operations one call stands for */
export function sync(name: string, op: Operation, operations = 1): Benchmark {
  return { name, op, async: false, operations, peer: false };
}

export function awaited(name: string, op: AsyncOperation, operations = 1): Benchmark {
  return { name, op, async: true, operations, peer: false };
}

/** @param before called before its warm-up and before each of its rounds */
export function prepared(before: () => void, benchmark: Benchmark): Benchmark {
  return { ...benchmark, before };
}

export function peer(benchmark: Benchmark): Benchmark {
  return { ...benchmark, peer: true };
}
