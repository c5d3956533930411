import { assemble } from './assemble.ts';
import type { Generated, GeneratorMessage, Job } from './generator/job.ts';
import { runGenerator } from './generator/process.ts';
import type { Profile, ProfileFault } from './profile.ts';
import type { RunResult } from './result.ts';
import { pin, SERVER_CORE } from './support/pin.ts';
import type { SecondSent } from './support/recorder.ts';
import { machineOf } from './target/machine.ts';
import { OtherPrograms } from './target/other-programs.ts';
import { redisReads } from './target/redis-reads.ts';
import { Sampler, type ServerSecond } from './target/sampler.ts';
import { startConstantServer } from './target/start-constant-server.ts';
import { startTarget, type Target } from './target/target.ts';

export interface RunOptions {
  readonly seed: number;
  /** Duration of the ceiling measurement. Default: 1000. */
  readonly ceilingMs?: number;
  /** Timeout of a request. Default: 5000. */
  readonly timeoutMs?: number;
  readonly onProgress?: (progress: Progress) => void;
}

export type Progress =
  | { readonly kind: 'filling' | 'starting' | 'measuring' }
  | { readonly kind: 'ceiling'; readonly perSecond: number }
  | { readonly kind: 'disturbed'; readonly share: number }
  | { readonly kind: 'fault'; readonly what: ProfileFault['what'] }
  | { readonly kind: 'second'; readonly second: SecondSent };

/** Starts the servers of the profile, runs it, judges the result, and stops the servers. */
export async function runProfile(profile: Profile, options: RunOptions): Promise<RunResult> {
  options.onProgress?.({ kind: 'filling' });
  const target = await startTarget(profile, options.seed);
  try {
    return await measure(profile, target, options);
  } finally {
    await target.stop();
  }
}

/** Runs the profile against a running server. */
export async function measure(profile: Profile, target: Target, options: RunOptions): Promise<RunResult> {
  const { seed, ceilingMs = 1000, timeoutMs = 5000, onProgress = () => {} } = options;
  onProgress({ kind: 'starting' });
  const constantServer = await startConstantServer(profile);
  const observed = new Observation(profile, target, constantServer.stop, onProgress);
  try {
    const { load, data, traffic } = profile;
    const job: Job = {
      profile: { load, data, traffic },
      seed,
      port: target.port,
      ceilingPort: constantServer.port,
      ceilingMs,
      timeoutMs,
    };
    const readsBefore = await redisReads(target);
    const { generated, ceilingPerSecond } = await runGenerator(job, (message, pid) =>
      observed.onMessage(message, pid),
    );
    const server = await observed.end();
    const readsAfter = await redisReads(target);
    const startedAt = observed.startedAt.toISOString();
    const machine = await machineOf(target);
    return resultOf(profile, { seed, startedAt, machine }, generated, {
      ceilingPerSecond,
      server,
      redisReads: readsBefore === null || readsAfter === null ? null : readsAfter - readsBefore,
    });
  } finally {
    constantServer.stop();
    await observed.end();
  }
}

// Above this share of a core, other programs cause tail latencies of milliseconds.
const DISTURBED = 0.2;

/** Observes the server and causes the faults of the profile, while the generator sends. */
class Observation {
  startedAt = new Date();
  readonly #profile: Profile;
  readonly #target: Target;
  readonly #stopConstantServer: () => void;
  readonly #onProgress: (progress: Progress) => void;
  readonly #sampler: Sampler;
  readonly #samples: Promise<ServerSecond>[] = [];
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #faults: Promise<void>[] = [];
  #otherPrograms: OtherPrograms | undefined;

  constructor(
    profile: Profile,
    target: Target,
    stopConstantServer: () => void,
    onProgress: (progress: Progress) => void,
  ) {
    this.#profile = profile;
    this.#target = target;
    this.#stopConstantServer = stopConstantServer;
    this.#onProgress = onProgress;
    this.#sampler = new Sampler(target);
  }

  onMessage(message: GeneratorMessage, generatorPid: number): void {
    if (message.kind === 'ceiling') {
      // The constant server would use the core of the measured server.
      this.#stopConstantServer();
      this.#onProgress(message);
    } else if (message.kind === 'measuring') {
      this.startedAt = new Date();
      void this.#sampler.begin();
      this.#otherPrograms = new OtherPrograms([this.#target.pid, this.#target.redis?.pid], [generatorPid]);
      this.#planFaults();
      this.#onProgress({ kind: 'measuring' });
    } else if (message.kind === 'done') {
      const share = this.#otherPrograms?.share() ?? 0;
      if (share > DISTURBED) this.#onProgress({ kind: 'disturbed', share });
    } else if (message.kind === 'second') {
      this.#samples.push(this.#sampler.next());
      this.#onProgress(message);
    }
  }

  /** Waits for faults and samples, and returns the samples by second. May be called twice. */
  async end(): Promise<ServerSecond[]> {
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.all(this.#faults);
    return Promise.all(this.#samples);
  }

  #planFaults(): void {
    const { faults = [], load } = this.#profile;
    for (const { at, what } of faults) {
      const timer = setTimeout(() => this.#faults.push(this.#inflict(what)), at * load.seconds * 1000);
      this.#timers.push(timer);
    }
  }

  async #inflict(what: ProfileFault['what']): Promise<void> {
    this.#onProgress({ kind: 'fault', what });
    const { redis } = this.#target;
    if (redis === undefined)
      throw new Error(
        `the profile ${this.#profile.name} needs its own Redis, which this target does not have`,
      );
    if (what === 'redis killed') return redis.signal('SIGKILL');
    await redis.restart();
    pin(SERVER_CORE, redis.pid);
  }
}

function resultOf(
  profile: Profile,
  when: Pick<RunResult, 'seed' | 'startedAt' | 'machine'>,
  generated: Generated,
  seen: { ceilingPerSecond: number; server: readonly ServerSecond[]; redisReads: number | null },
): RunResult {
  const { name, question, load, gates, traffic } = profile;
  // For push a request is one push to one subscriber; the ceiling counts the same.
  const fanOut = traffic.kind === 'push' ? load.connections : 1;
  const ratePerSecond = load.ratePerSecond === null ? null : load.ratePerSecond * fanOut;
  const sentInAll = generated.requests.sent * (1 + load.warmupSeconds / load.seconds);
  const redisReadShare = seen.redisReads === null ? null : seen.redisReads / sentInAll;
  const about = { profile: name, question, ...when, load: { ...load, ratePerSecond } };
  return assemble(about, generated, { ...seen, redisReadShare }, gates);
}
