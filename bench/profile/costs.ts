/** What a request pays for: the samples of a profile as shares of the CPU time that the system tells of. */
import type { Condensed } from './condense.ts';
import { COLLECTOR, OUTSIDE } from './frame.ts';
import type { Usage } from './usage.ts';

const THREADS = 'other threads: compiler, collector, profiler';

export interface Cost {
  readonly what: string;
  /** CPU time a request. */
  readonly us: number;
}

export interface Costs {
  /** Of the process; the groups add up to it. */
  readonly cpuUs: number;
  readonly kernelUs: number;
  /** Of the time, the share in which the process would have run, and something else did on its core. */
  readonly waited: number;
  readonly groups: readonly Cost[];
  readonly functions: readonly Cost[];
}

/** @param usage of the process, while it was profiled */
export function costsOf({ seconds, polling, busy }: Condensed, usage: Usage, requests: number): Costs {
  const sampled = busy.reduce((sum, { samples }) => sum + samples, 0);
  const aSample = seconds / (polling + sampled);
  // A process sleeps nowhere but where it polls.
  const asleep = Math.max(0, seconds - usage.ran - usage.waited);
  const outside = Math.max(0, polling * aSample - asleep);
  // Samples are of the clock's time. What waited for the core did so in the midst of anything.
  const running = usage.ran / (outside + sampled * aSample);
  const us = (clockSeconds: number) => (clockSeconds * running * 1e6) / requests;

  const groups = new Map<string, number>([[OUTSIDE, us(outside)]]);
  for (const { group, samples } of busy) groups.set(group, (groups.get(group) ?? 0) + us(samples * aSample));
  const cpu = usage.user + usage.kernel;
  groups.set(THREADS, (Math.max(0, cpu - usage.ran) * 1e6) / requests);
  const costs = [...groups].map(([what, each]) => ({ what, us: each }));
  return {
    cpuUs: costs.reduce((sum, each) => sum + each.us, 0),
    kernelUs: (usage.kernel * 1e6) / requests,
    waited: usage.waited / seconds,
    groups: costs.sort((a, b) => b.us - a.us),
    functions: busy
      .filter(({ group }) => group !== OUTSIDE && group !== COLLECTOR)
      .map(({ what, samples }) => ({ what, us: us(samples * aSample) })),
  };
}
