import { setImmediate } from 'node:timers/promises';
import { Bench } from 'tinybench';
import { median } from '../../loadtest/support/median.ts';
import type { Effort } from './effort.ts';
import { freshAsyncLoop, freshLoop, type Operation } from './loop.ts';
import { referenceLoop } from './reference-loop.ts';
import { type Summary, summarize } from './statistics.ts';
import { type Benchmark, type Prepared, sync } from './suite.ts';

/** What was measured of one benchmark. Durations are nanoseconds an operation. */
export interface Measured extends Summary {
  readonly name: string;
  readonly peer: boolean;
  /** The median of each round as a multiple of the reference loop's beside it. */
  readonly toReferenceLoop: readonly number[];
  /** As a multiple of the group's reference: the median of the rounds' own ratios; undefined where there is none. */
  readonly toReference: number | undefined;
}

/** What time is told by. Tests have a clock of their own, since on a busy machine no ratio of two times is sure. */
export interface Timing {
  /** Milliseconds. */
  readonly now: () => number;
  readonly loop: Operation;
}

const REAL: Timing = { now: () => performance.now(), loop: referenceLoop };

/** A sample is as many calls as take this long, in milliseconds: reading the clock costs a thousandth of it. */
const SAMPLE_MS = 0.05;
const MS_IN_NS = 1e6;

/** A number of calls that a 32-bit integer holds, with room: operations take it modulo the length of their keys. */
const CALLS_MASK = 0x3fffffff;

/**
 * Measures a group: a round takes each benchmark once, so that what slows the machine down for a while slows them
 * all. Every other round goes backwards, so that none is always measured after the same other.
 * @param withPeers false leaves out what is not ours
 * @param onBegin told of each benchmark before its first round
 */
export async function measureGroup(
  { benchmarks, reference }: Prepared,
  effort: Effort,
  withPeers: boolean,
  onBegin: (name: string) => void = () => {},
  timing = REAL,
): Promise<Measured[]> {
  const bench = new Bench({
    now: timing.now,
    warmup: false,
    time: effort.roundMs,
    warmupTime: effort.warmupMs,
    iterations: 8,
    warmupIterations: 4,
    retainSamples: true,
    throws: true,
  });
  const loop = new ReferenceLoop(effort.referenceMs, timing);
  const subjects: Subject[] = [];
  for (const benchmark of benchmarks) {
    if (benchmark.peer && !withPeers) continue;
    onBegin(benchmark.name);
    const subject = new Subject(bench, benchmark, timing.now);
    await subject.warmUp();
    subjects.push(subject);
  }
  for (let round = 0; round < effort.rounds; round++) {
    let before = await loop.nanoseconds();
    for (const subject of round % 2 === 0 ? subjects : [...subjects].reverse()) {
      const measured = await subject.round();
      const after = await loop.nanoseconds();
      subject.toLoop.push(measured / ((before + after) / 2));
      before = after;
    }
  }
  const base = subjects.find((subject) => subject.benchmark.name === reference);
  return subjects.map((subject) => subject.result(base));
}

/** One benchmark as a task of tinybench whose samples are many calls long. */
class Subject {
  readonly benchmark: Benchmark;
  /** The median of each round, in nanoseconds. */
  readonly medians: number[] = [];
  readonly toLoop: number[] = [];
  readonly #samples: number[] = [];
  readonly #now: Timing['now'];
  readonly #task: ReturnType<Bench['getTask']> & {};
  #calls = 1;
  #calibrating = true;
  #from = 0;

  constructor(bench: Bench, benchmark: Benchmark, now: Timing['now']) {
    this.benchmark = benchmark;
    this.#now = now;
    bench.add(benchmark.name, this.#sampler(benchmark), { async: benchmark.async });
    this.#task = bench.getTask(benchmark.name)!;
  }

  async warmUp(): Promise<void> {
    this.benchmark.before?.();
    await this.#task.warmup();
    this.#calibrating = false;
  }

  /** @returns the round's median, in nanoseconds an operation */
  async round(): Promise<number> {
    // Timers and sockets get their turn between rounds: the coarse clock of the cache among them.
    await setImmediate();
    this.benchmark.before?.();
    this.#task.reset(false);
    await this.#task.run();
    const { result } = this.#task;
    if (result.state !== 'completed') throw new Error(`${this.benchmark.name} ended ${result.state}`);
    const samples = result.latency.samples!.map((ms) => ms * MS_IN_NS);
    for (const sample of samples) this.#samples.push(sample);
    const middle = median(samples);
    this.medians.push(middle);
    return middle;
  }

  result(base: Subject | undefined): Measured {
    const { name, peer } = this.benchmark;
    const toReference = base && median(this.medians.map((each, round) => each / base.medians[round]!));
    return { name, peer, ...summarize(this.#samples), toReferenceLoop: this.toLoop, toReference };
  }

  #sampler(benchmark: Benchmark) {
    if (benchmark.async) {
      const loop = freshAsyncLoop();
      return async () => {
        const start = this.#now();
        const sum = await loop(benchmark.op, this.#from, this.#calls);
        return this.#sample(this.#now() - start, sum);
      };
    }
    const loop = freshLoop();
    return () => {
      const start = this.#now();
      const sum = loop(benchmark.op, this.#from, this.#calls);
      return this.#sample(this.#now() - start, sum);
    };
  }

  /** @param sum what the operations gave; looking at it keeps their work from being left out */
  #sample(ms: number, sum: number) {
    if (Number.isNaN(sum)) throw new Error(`${this.benchmark.name} gave no number`);
    const operations = this.#calls * this.benchmark.operations;
    this.#from = (this.#from + this.#calls) & CALLS_MASK;
    // While warming up, a sample grows until it is long enough for the clock, at the speed of compiled code.
    if (this.#calibrating && ms < SAMPLE_MS) this.#calls *= 2;
    return { overriddenDuration: ms / operations, overriddenIterationCost: ms };
  }
}

/** The reference loop as it runs at this moment. */
class ReferenceLoop {
  readonly #subject: Subject;
  #warm = false;

  constructor(ms: number, { now, loop }: Timing) {
    const bench = new Bench({
      now,
      warmup: false,
      time: ms,
      warmupTime: 10 * ms,
      iterations: 8,
      retainSamples: true,
      throws: true,
    });
    this.#subject = new Subject(bench, sync('reference loop', loop), now);
  }

  async nanoseconds(): Promise<number> {
    if (!this.#warm) await this.#subject.warmUp();
    this.#warm = true;
    return this.#subject.round();
  }
}
