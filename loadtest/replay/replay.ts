/** Replays a log against a service, with a result like that of any other run. */
import { ownBuild } from '../../src/cli/version.ts';
import { assemble } from '../assemble.ts';
import { flood } from '../pacer/flood.ts';
import { HttpLane } from '../pacer/http-lane.ts';
import { pace } from '../pacer/pacer.ts';
import type { RunResult } from '../result.ts';
import { headOf } from '../support/head.ts';
import type { SecondSent } from '../support/recorder.ts';
import { fillRedis } from '../target/fill-redis.ts';
import { machineOf } from '../target/machine.ts';
import { OtherPrograms } from '../target/other-programs.ts';
import { Sampler, type ServerSecond } from '../target/sampler.ts';
import { startConstantServer } from '../target/start-constant-server.ts';
import { identityOf, type Target } from '../target/target.ts';
import type { Operation } from './operation.ts';
import { expectedData, requestsOf } from './requests.ts';
import { timeline, withLead } from './timeline.ts';

export interface ReplayOptions {
  /** Name of the log, for the report. */
  readonly name: string;
  /** 1 for the logged speed, up to 100. */
  readonly speed: number;
  readonly connections: number;
  /** Operations that were logged later are skipped. */
  readonly mostSeconds: number;
  /** Called after all processes have started and the machine was examined. */
  readonly beforeSending?: () => void;
  readonly onSecond?: (second: SecondSent) => void;
}

const CEILING_MS = 1_000;
/** Time for the pacer's thread to start; without it the first requests would be late. */
const LEAD_MS = 1_000;

/** Writes the values to Redis that the log expects there. L1 stays empty. */
export async function fillTarget({ redis }: Target, operations: readonly Operation[]): Promise<void> {
  if (redis !== undefined) await fillRedis(redis, expectedData(operations));
}

/** Sends each operation from this process when it is due, and judges the answers. */
export async function replay(
  target: Target,
  operations: readonly Operation[],
  options: ReplayOptions,
): Promise<RunResult> {
  const { name, connections, speed, mostSeconds } = options;
  const schedule = timeline(operations, speed, mostSeconds * 1_000);
  if (schedule.count < 2)
    throw new Error(`the log has fewer than two operations in its first ${mostSeconds} seconds`);
  const request = requestsOf(operations.slice(0, schedule.count), headOf(target.headers));
  const machine = await machineOf(target);
  options.beforeSending?.();
  const ceilingPerSecond = await ceilingOf((n) => request(n % schedule.count), connections);

  const startedAt = new Date().toISOString();
  const otherPrograms = new OtherPrograms([target.pid, target.redis?.pid], [process.pid]);
  const sampler = new Sampler(target);
  await sampler.begin();
  const samples: Promise<ServerSecond>[] = [];
  const generated = await pace({
    schedule: withLead(schedule, LEAD_MS),
    request,
    open: () => new HttpLane(target),
    connections,
    // No request is due in the warm-up, so every request of the log counts.
    warmupMs: LEAD_MS,
    measuredMs: Math.max(1, schedule.lastsMs),
    onSecond: (second) => {
      samples.push(sampler.next());
      options.onSecond?.(second);
    },
  });
  const otherProgramsShare = otherPrograms.share();
  const server = await Promise.all(samples);
  const lastsSeconds = schedule.lastsMs / 1_000;
  const ratePerSecond = schedule.count / lastsSeconds;
  const rate = speed === 1 ? 'at the logged speed' : `${speed} times as fast`;
  const about = {
    profile: `replay-${name}`,
    question: `How long do the requests of ${name} wait, in their logged order and timing, ${rate}?`,
    startedAt,
    // A replay has no random part.
    seed: 0,
    build: ownBuild(),
    ...identityOf(target),
    machine,
    load: { kind: 'open', connections, ratePerSecond, warmupSeconds: 0, seconds: lastsSeconds },
  } as const;
  // No gate on hits: the hit rate depends on the log.
  return assemble(about, generated, { ceilingPerSecond, otherProgramsShare, server, redisReadShare: null }, [
    'latency',
    'errors',
  ]);
}

/** The rate that this process reaches against the constant server, with these requests. */
async function ceilingOf(request: Parameters<typeof flood>[1], connections: number): Promise<number> {
  const shape = {
    data: { symbols: 1, types: [] },
    traffic: { kind: 'mix', over: 'http', parts: [{ op: 'get', share: 1, draw: 'uniform' }] },
  } as const;
  const constantServer = await startConstantServer(shape);
  try {
    return await flood(() => new HttpLane(constantServer), request, connections, CEILING_MS);
  } finally {
    constantServer.stop();
  }
}
