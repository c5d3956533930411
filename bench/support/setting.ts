import { release } from 'node:os';
import { currentCommit, type Machine, thisMachine } from './result.ts';

/** When, where and on what something was measured. */
export interface Setting {
  /** ISO 8601. */
  readonly startedAt: string;
  readonly seconds: number;
  /** Null outside of a git repository; ends in `-dirty` where files differ from it. */
  readonly commit: string | null;
  readonly machine: Machine & { readonly kernel: string };
}

/** Of what began then, in milliseconds since the epoch, and ends now. */
export function settingOf(started: number): Setting {
  return {
    startedAt: new Date(started).toISOString(),
    seconds: Math.round((Date.now() - started) / 1000),
    commit: currentCommit(),
    machine: { ...thisMachine(), kernel: release() },
  };
}

/** @param effort how much of it was measured, as `5 rounds` */
export function settingSentence({ startedAt, seconds, machine, commit }: Setting, effort: string): string {
  const { cpu, cores, kernel, node } = machine;
  const what = commit === null ? '' : `, commit ${commit}`;
  return (
    `${startedAt.slice(0, 16).replace('T', ' ')} UTC, ${cpu}, ${cores} cores, Linux ${kernel}, Node ${node}${what}; ` +
    `${effort}, ${seconds} s in all.`
  );
}
