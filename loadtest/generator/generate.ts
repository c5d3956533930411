import { closedLoad } from '../pacer/closed.ts';
import { flood } from '../pacer/flood.ts';
import { HttpLane } from '../pacer/http-lane.ts';
import { pace } from '../pacer/pacer.ts';
import { Peak } from '../pacer/peak.ts';
import { bursts, staged, steady } from '../pacer/schedule.ts';
import { WsLane } from '../pacer/ws-lane.ts';
import { fanOut } from '../push/fan-out.ts';
import { headOf } from '../support/head.ts';
import { type RequestAt, requestsOf } from '../traffic/requests.ts';
import type { Generated, GeneratorMessage, Job, LoadHooks } from './job.ts';

type Send = (message: GeneratorMessage) => void;

/** Measures the ceiling against the constant server, then the server itself. */
export async function generate(job: Job, send: Send): Promise<Generated> {
  const { profile, seed } = job;
  const request =
    profile.traffic.kind === 'push' ? undefined : requestsOf(profile, seed, headOf(job.headers));
  // On a busy machine a short measurement can end before its first answers: then a longer one follows.
  let perSecond = 0;
  for (let { ceilingMs } = job; perSecond === 0; ceilingMs *= 2)
    perSecond = await ceiling({ ...job, ceilingMs }, request);
  send({ kind: 'ceiling', perSecond });
  return load(job, request, {
    onMeasuring: () => send({ kind: 'measuring' }),
    onSecond: (second) => send({ kind: 'second', second }),
  });
}

async function ceiling(measured: Job, request: RequestAt | undefined): Promise<number> {
  const { host: _host, secureName: _secureName, ...rest } = measured;
  const job: Job = { ...rest, port: measured.ceilingPort };
  const { profile, ceilingMs } = job;
  const { connections } = profile.load;
  if (request !== undefined) return flood(opener(job), request, connections, ceilingMs);
  // The fan-out sends as fast as it can if more updates are due than it can read.
  const shape = {
    warmupSeconds: 0,
    seconds: ceilingMs / 1000,
    ratePerSecond: MOST_PUSHES / connections,
  };
  const ceilingJob = {
    ...job,
    timeoutMs: 1000,
    profile: { ...profile, load: { ...profile.load, ...shape } },
  };
  const peak = new Peak(ceilingMs / 8);
  await load(ceilingJob, request, { onAnswer: (now) => peak.add(now) });
  return peak.perSecond;
}

// Pushes a second, more than this generator can read.
const MOST_PUSHES = 2_000_000;

function load(job: Job, request: RequestAt | undefined, hooks: LoadHooks): Promise<Generated> {
  const { profile, port, timeoutMs } = job;
  const { traffic } = profile;
  const { kind, connections, ratePerSecond, stages } = profile.load;
  const warmupMs = profile.load.warmupSeconds * 1000;
  const measuredMs = profile.load.seconds * 1000;
  const common = { warmupMs, measuredMs, timeoutMs, ...hooks };
  if (traffic.kind === 'push') {
    const updatesPerSecond = rate(ratePerSecond);
    return fanOut({ port, subscribers: connections, updatesPerSecond, keys: traffic.keys, ...common });
  }
  if (kind === 'closed') return closedLoad({ request: request!, open: opener(job), connections, ...common });
  const total = warmupMs + measuredMs;
  const schedule =
    traffic.kind === 'stampede'
      ? bursts(rate(ratePerSecond), traffic.size, total)
      : stages === undefined
        ? steady(rate(ratePerSecond), total)
        : staged([{ seconds: warmupMs / 1000, from: stages[0]!.from, to: stages[0]!.from }, ...stages]);
  return pace({ schedule, request: request!, open: opener(job), connections, ...common });
}

function opener({ profile: { traffic }, headers, ...address }: Job) {
  const socket = traffic.kind === 'mix' && traffic.over === 'websocket';
  return () => (socket ? new WsLane(address, headOf(headers)) : new HttpLane(address));
}

function rate(ratePerSecond: number | null): number {
  if (ratePerSecond === null) throw new Error('an open load needs a rate');
  return ratePerSecond;
}
