import { createHash } from 'node:crypto';
import { ownBuild } from '../src/cli/version.ts';
import { assemble } from './assemble.ts';
import type { Generated, GeneratorMessage, Job } from './generator/job.ts';
import { runGenerator } from './generator/process.ts';
import type { Profile, ProfileFault } from './profile.ts';
import type { FaultSeen, RunResult } from './result.ts';
import { pin, SERVER_CORE } from './support/pin.ts';
import type { SecondSent } from './support/recorder.ts';
import { machineOf } from './target/machine.ts';
import { OtherPrograms } from './target/other-programs.ts';
import { redisReads } from './target/redis-reads.ts';
import { Sampler, type ServerSecond } from './target/sampler.ts';
import { startConstantServer } from './target/start-constant-server.ts';
import { identityOf, startTarget, type Target } from './target/target.ts';

export interface RunOptions {
  readonly seed: number;
  /** Duration of the ceiling measurement. Default: 1000. */
  readonly ceilingMs?: number;
  /** Timeout of a request. Default: 5000. */
  readonly timeoutMs?: number;
  readonly onProgress?: (progress: Progress) => void;
  /** A service that runs already. Default: a new one. */
  readonly target?: Target;
}

export type Progress =
  | { readonly kind: 'filling' | 'starting' | 'measuring' }
  | { readonly kind: 'ceiling'; readonly perSecond: number }
  | { readonly kind: 'fault'; readonly what: ProfileFault['what'] }
  | { readonly kind: 'second'; readonly second: SecondSent };

/** Runs the profile against the target, or against new servers that stop afterwards, and judges the result. */
export async function runProfile(profile: Profile, options: RunOptions): Promise<RunResult> {
  if (options.target !== undefined) return measure(profile, options.target, options);
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
      ...(target.host !== undefined && { host: target.host }),
      ...(target.secureName !== undefined && { secureName: target.secureName }),
      ...(target.headers !== undefined && { headers: target.headers }),
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
    const about = { seed, startedAt, build: ownBuild(), ...identityOf(target), machine };
    return resultOf(profile, about, generated, {
      ceilingPerSecond,
      otherProgramsShare: observed.otherProgramsShare,
      faults: observed.faults,
      server,
      redisReads: readsBefore === null || readsAfter === null ? null : readsAfter - readsBefore,
    });
  } finally {
    constantServer.stop();
    await observed.end();
  }
}

/** Observes the server and causes the faults of the profile, while the generator sends. */
class Observation {
  startedAt = new Date();
  otherProgramsShare: number | null = null;
  readonly faults: FaultSeen[] = [];
  readonly #profile: Profile;
  readonly #target: Target;
  readonly #stopConstantServer: () => void;
  readonly #onProgress: (progress: Progress) => void;
  readonly #sampler: Sampler;
  readonly #samples: Promise<ServerSecond>[] = [];
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #pending: Promise<void>[] = [];
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
      this.otherProgramsShare = this.#otherPrograms?.share() ?? null;
    } else if (message.kind === 'second') {
      this.#samples.push(this.#sampler.next());
      this.#onProgress(message);
    }
  }

  /** Waits for faults and samples, and returns the samples by second. May be called twice. */
  async end(): Promise<ServerSecond[]> {
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.all(this.#pending);
    return Promise.all(this.#samples);
  }

  #planFaults(): void {
    const { faults = [], load } = this.#profile;
    for (const { at, what } of faults) {
      const timer = setTimeout(() => this.#pending.push(this.#inflict(what)), at * load.seconds * 1000);
      this.#timers.push(timer);
    }
  }

  async #inflict(what: ProfileFault['what']): Promise<void> {
    this.faults.push({ second: (Date.now() - this.startedAt.getTime()) / 1000, what });
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

/** The same for profiles with the same requests and keys. */
export function digestOf({ data, traffic }: Pick<Profile, 'data' | 'traffic'>): string {
  return createHash('sha256').update(JSON.stringify({ data, traffic })).digest('hex');
}

function resultOf(
  profile: Profile,
  when: Pick<RunResult, 'seed' | 'startedAt' | 'build' | 'target' | 'service' | 'machine'>,
  generated: Generated,
  {
    redisReads: reads,
    ...seen
  }: {
    ceilingPerSecond: number;
    otherProgramsShare: number | null;
    faults: readonly FaultSeen[];
    server: readonly ServerSecond[];
    redisReads: number | null;
  },
): RunResult {
  const { name, question, load, gates, limits, traffic } = profile;
  // For push a request is one push to one subscriber; the ceiling counts the same.
  const fanOut = traffic.kind === 'push' ? load.connections : 1;
  const ratePerSecond = load.ratePerSecond === null ? null : load.ratePerSecond * fanOut;
  const sentInAll = generated.requests.sent * (1 + load.warmupSeconds / load.seconds);
  const redisReadShare = reads === null ? null : reads / sentInAll;
  const about = {
    profile: name,
    question,
    ...when,
    load: { ...load, ratePerSecond },
    requestsDigest: digestOf(profile),
  };
  return assemble(about, generated, { ...seen, redisReadShare }, gates, limits);
}
