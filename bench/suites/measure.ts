import { setImmediate } from 'node:timers/promises';
import { Bench } from 'tinybench';
import { median } from '../../loadtest/support/median.ts';
import { compileLoop } from './loop.ts';
import type { Benchmark, Prepared } from './suite.ts';

export interface Effort {
  /** Each benchmark is measured so often, in turn with the others of its group. */
  readonly rounds: number;
  /** Milliseconds of each round, and of the warm-up before the first. */
  readonly roundMs: number;
  readonly warmupMs: number;
}

/** Nanoseconds an operation: the medians of the rounds' medians and 99th percentiles. */
export interface Measured {
  readonly name: string;
  readonly median: number;
  readonly p99: number;
  /** `median` as a multiple of that of the group's reference. */
  readonly ratio: number;
}

/** A sample is as many calls as take so many milliseconds: reading the clock costs a thousandth of it. */
const SAMPLE_MS = 0.05;
const NS_PER_MS = 1e6;
/** Call numbers stay integers of 32 bits: operations take them modulo the number of their keys. */
const CALLS_MASK = 0x3fffffff;

/**
 * Measures a group. A round takes each benchmark once, so that what slows the machine down for a while slows them all;
 * every other round goes backwards.
 * @param now milliseconds; tests have a clock of their own
 */
export async function measureGroup(
  { benchmarks, reference }: Prepared,
  { rounds, roundMs, warmupMs }: Effort,
  now = () => performance.now(),
): Promise<Measured[]> {
  const bench = new Bench({ now, warmup: false, time: roundMs, iterations: 8, throws: true });
  for (const benchmark of benchmarks)
    bench.add(benchmark.name, await warmSampler(benchmark, warmupMs, now), { async: benchmark.isAsync });
  const [medians, p99s] = [new Map<string, number[]>(), new Map<string, number[]>()];
  for (let round = 0; round < rounds; round++)
    for (const task of round % 2 === 0 ? bench.tasks : bench.tasks.toReversed()) {
      // Timers and sockets have their turn between rounds, the coarse clock of the cache among them.
      await setImmediate();
      task.reset(false);
      await task.run();
      if (task.result.state !== 'completed') throw new Error(`${task.name} ended ${task.result.state}`);
      const { p50, p99 } = task.result.latency;
      medians.set(task.name, [...(medians.get(task.name) ?? []), p50 * NS_PER_MS]);
      p99s.set(task.name, [...(p99s.get(task.name) ?? []), p99 * NS_PER_MS]);
    }
  const base = median(medians.get(reference)!);
  return benchmarks.map(({ name }) => {
    const own = median(medians.get(name)!);
    return { name, median: own, p99: median(p99s.get(name)!), ratio: own / base };
  });
}

/** A function that takes one sample, and whose code has been compiled. */
async function warmSampler(
  { name, op, isAsync, operations }: Benchmark,
  warmupMs: number,
  now: () => number,
) {
  const loop = compileLoop(isAsync);
  let calls = 1;
  let from = 0;
  const result = (ms: number, sum: number) => {
    // Reading the sum keeps the work of the operations from being left out.
    if (Number.isNaN(sum)) throw new Error(`${name} returned no number`);
    from = (from + calls) & CALLS_MASK;
    return { overriddenDuration: ms / calls / operations, overriddenIterationCost: ms };
  };
  const sample = () => {
    const start = now();
    const sum = loop(op, from, calls);
    if (typeof sum === 'number') return result(now() - start, sum);
    return sum.then((awaited) => result(now() - start, awaited));
  };
  for (const end = now() + warmupMs; now() < end; ) {
    const { overriddenIterationCost: ms } = await sample();
    if (ms < SAMPLE_MS) calls *= 2;
  }
  return sample;
}
