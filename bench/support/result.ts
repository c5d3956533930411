import { cpus } from 'node:os';
import { commitOfSources } from '../../src/cli/version.ts';
import type { Effort } from './effort.ts';
import type { Measured } from './measure.ts';

/** One benchmark of a run. Durations are nanoseconds an operation. */
export interface Result extends Measured {
  /** Its file, without `bench/` and `.bench.ts`: `cache/l1/memory`. */
  readonly suite: string;
  readonly group: string;
  /** The benchmark of its group that `toReference` is about. */
  readonly reference: string | undefined;
}

/** What `--json` writes. */
export interface Report {
  /** Of this shape; raised when it changes. */
  readonly format: 1;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly seconds: number;
  /** Null outside of a git repository; ends in `-dirty` where files differ from it. */
  readonly commit: string | null;
  readonly machine: Machine;
  readonly effort: Effort;
  readonly results: readonly Result[];
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  /** `linux x64`. */
  readonly platform: string;
  readonly node: string;
}

export function idOf({ suite, group, name }: Pick<Result, 'suite' | 'group' | 'name'>): string {
  return `${suite} > ${group} > ${name}`;
}

export function thisMachine(): Machine {
  const cores = cpus();
  return {
    cpu: cores[0]?.model.trim() ?? 'unknown',
    cores: cores.length,
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
  };
}

export function currentCommit(): string | null {
  const commit = commitOfSources(7);
  return commit === 'unknown' ? null : commit;
}
