import { verdictOf } from '../../../loadtest/gates.ts';
import type { GateOutcome, RunResult, Second, Verdict } from '../../../loadtest/result.ts';
import { taintsOf } from '../../../loadtest/taints.ts';
import { random } from './random.ts';

export type SyntheticOptions = {
  profile?: string;
  seed?: number;
  ratePerSecond?: number | null;
  seconds?: number;
  /** Multiplies every latency. */
  slower?: number;
  /** Multiplies the server's CPU. */
  busier?: number;
  verdict?: Verdict;
  gates?: readonly GateOutcome[];
  saturated?: boolean;
  /** CPU of other programs, as a share of a core. */
  others?: number;
  faults?: RunResult['faults'];
  /** Without Redis and without figures of the server. */
  blind?: boolean;
  machine?: Partial<RunResult['machine']>;
  stages?: RunResult['load']['stages'];
  requestsDigest?: string;
};

/** A result like that of a run: log-normal latencies with a tail, and noise between the seconds. */
export function synthetic(options: SyntheticOptions = {}): RunResult {
  const {
    profile = 'read-heavy',
    seed = 1,
    ratePerSecond = 2_000,
    seconds = 20,
    slower = 1,
    busier = 1,
    saturated = false,
    blind = false,
  } = options;
  const { uniform, normal } = random(seed);
  const perSecond = ratePerSecond ?? 40_000;
  const total = perSecond * seconds;
  const samples = Array.from({ length: 20_000 }, () => {
    const tail = uniform() < 0.01 ? 20 * uniform() : 1;
    return Math.round(300 * slower * tail * Math.exp(0.35 * normal())) + 40;
  }).sort((a, b) => a - b);
  const at = (share: number) => samples[Math.min(samples.length - 1, Math.floor(share * samples.length))]!;
  const distribution: [number, number][] = [];
  for (let i = 0; i < samples.length; i++) {
    const below = Math.round(((i + 1) / samples.length) * total);
    if (distribution.at(-1)?.[0] === samples[i]) distribution.at(-1)![1] = below;
    else distribution.push([samples[i]!, below]);
  }
  const series = Array.from({ length: seconds }, (_, second): Second => {
    const noise = Math.exp(0.05 * normal());
    return {
      second,
      completed: Math.round(perSecond * (1 + 0.01 * normal())),
      p50Us: Math.round(at(0.5) * noise),
      p99Us: Math.round(at(0.99) * noise),
      maxUs: Math.round(at(0.999) * noise * 1.5),
      hits: perSecond - 25,
      misses: 25,
      serverCpuShare: blind ? null : 0.3 * busier * Math.exp(0.03 * normal()),
      serverHeapBytes: blind ? null : 30e6 + ((second * 4e6) % 22e6),
      serverRssBytes: blind ? null : 110e6 + second * 1e5,
      serverLoopDelayMs: blind ? null : 1.1 * noise,
      redisMs: blind ? null : 0.2 * noise,
    };
  });
  const generator = {
    ceilingPerSecond: 90_000,
    cpuShare: 0.4,
    lateP99Us: 350,
    saturated,
    otherProgramsShare: options.others ?? 0.01,
  };
  const gates = options.gates ?? [latencyGate('latency p95', at(0.95) / 1_000)];
  return {
    format: 2,
    profile,
    question:
      'How fast are reads when nineteen of twenty requests read, and which keys they read follows Zipf?',
    startedAt: '2026-11-24T08:00:00.000Z',
    seed,
    build: { version: '0.1.0', commit: '0123456789abcdef0123456789abcdef01234567-dirty' },
    target: null,
    machine: {
      cpu: 'Some CPU @ 2.10GHz',
      cores: 2,
      kernel: 'Linux 6.1',
      node: 'v22.23.3',
      redis: blind ? null : '7.0.15',
      ...options.machine,
    },
    load: {
      kind: ratePerSecond === null ? 'closed' : 'open',
      connections: 32,
      ratePerSecond,
      warmupSeconds: 2,
      seconds,
      ...(options.stages && { stages: options.stages }),
    },
    ...(options.requestsDigest && { requestsDigest: options.requestsDigest }),
    generator,
    taints: taintsOf(generator, perSecond),
    faults: options.faults ?? [],
    requests: {
      sent: total,
      completed: total - 3,
      errors: 2,
      timeouts: 1,
      byStatus: { 200: total - 503, 404: 500 },
      hits: total - 503,
      misses: 500,
    },
    throughputPerSecond: (total - 3) / seconds,
    latency: {
      meanUs: samples.reduce((sum, value) => sum + value, 0) / samples.length,
      p50Us: at(0.5),
      p90Us: at(0.9),
      p95Us: at(0.95),
      p99Us: at(0.99),
      p999Us: at(0.999),
      maxUs: samples.at(-1)!,
      distribution,
    },
    series,
    gates,
    verdict: options.verdict ?? verdictOf(gates),
  };
}

/** The limits of `request_latency` in the runbook: 50 ms warns, 100 ms fails. */
export function latencyGate(gate: string, value: number): GateOutcome {
  const verdict = value < 50 ? 'pass' : value < 100 ? 'warn' : 'fail';
  return { gate, value, unit: 'ms', warnAt: 50, failAt: 100, good: 'below', verdict };
}
