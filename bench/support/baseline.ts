import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { currentCommit, idOf, type Machine, type Result, thisMachine } from './result.ts';
import { type Ratio, ratioOf } from './rule.ts';

const FILE = new URL('../baseline.json', import.meta.url);

/** `bench/baseline.json`. */
export interface Baseline {
  /** Of this shape; raised when it changes, or when the reference loop does. */
  readonly format: 1;
  /** ISO 8601. */
  readonly date: string;
  readonly commit: string | null;
  readonly machine: Machine;
  /** By the benchmark's id. */
  readonly benchmarks: Readonly<Record<string, Ratio>>;
}

/** @throws where there is none, or one that this version cannot read */
export function readBaseline(): Baseline {
  if (!existsSync(FILE)) throw new Error('there is no bench/baseline.json: make bench-compare ARGS=--update');
  const baseline = JSON.parse(readFileSync(FILE, 'utf8')) as Baseline;
  if (baseline.format !== 1)
    throw new Error(`bench/baseline.json is of the unknown format ${baseline.format}`);
  return baseline;
}

export function writeBaseline(ratios: ReadonlyMap<string, Ratio>): void {
  const benchmarks = Object.fromEntries(
    [...ratios].sort(([a], [b]) => (a < b ? -1 : 1)).map(([id, ratio]) => [id, rounded(ratio)]),
  );
  const baseline: Baseline = {
    format: 1,
    date: new Date().toISOString(),
    commit: currentCommit(),
    machine: thisMachine(),
    benchmarks,
  };
  writeFileSync(FILE, `${JSON.stringify(baseline, null, 2)}\n`);
}

/** The rounds of several runs together, as multiples of the reference loop. */
export function ratiosOf(results: readonly Result[]): Map<string, Ratio> {
  const rounds = Map.groupBy(results, idOf);
  return new Map(
    [...rounds].map(([id, runs]) => [id, ratioOf(runs.flatMap(({ toReferenceLoop }) => toReferenceLoop))]),
  );
}

function rounded({ median, spread }: Ratio): Ratio {
  return { median: Number(median.toPrecision(4)), spread: Number(spread.toPrecision(2)) };
}
