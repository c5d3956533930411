/** Texts for figures and gates: the same on the terminal, in JUnit, in Markdown and in HTML. */
import { count, significant } from '../../src/format.ts';
import { failures, isRefusal } from '../gates.ts';
import type { GateOutcome, Latency, Machine, Requests, RunResult, Verdict } from '../result.ts';

/** A verdict that is readable without colours. */
export const VERDICT_WORD: Readonly<Record<Verdict, string>> = {
  pass: '✓ pass',
  warn: '! warn',
  fail: '✗ fail',
};

/** Microseconds in the unit that leaves one to three digits before the point. */
export function duration(us: number): string {
  if (!Number.isFinite(us)) return '–';
  if (us < 1_000) return `${significant(us)} µs`;
  if (us < 1_000_000) return `${significant(us / 1_000)} ms`;
  return `${significant(us / 1_000_000)} s`;
}

/** The offered load: `open 2,000/s on 32 connections, 10 s`. */
export function loadText({ load }: RunResult): string {
  const offered = load.ratePerSecond === null ? load.kind : `${load.kind} ${rateText(load)}`;
  const connections = load.connections === 1 ? '1 connection' : `${count(load.connections)} connections`;
  return `${offered} on ${connections}, ${significant(load.seconds)} s`;
}

/** The offered rate: `2,000/s`, or `500/s to 3,000/s` for a rate that changes. */
function rateText({ ratePerSecond, stages }: RunResult['load']): string {
  if (stages === undefined) return `${count(ratePerSecond!)}/s`;
  const rates = stages.flatMap(({ from, to }) => [from, to]);
  return `${count(Math.min(...rates))}/s to ${count(Math.max(...rates))}/s`;
}

/** The program in one line, and the URL of the service if the harness did not start it. */
export function buildText({
  build,
  target,
  service,
}: Pick<RunResult, 'build' | 'target' | 'service'>): string {
  const harness = `ratecache ${build.version}, commit ${shortCommit(build.commit)}`;
  if (target === null) return harness;
  return `${harness}, against ${target}${service ? `, version ${service.version}` : ''}`;
}

/** The first twelve digits of a commit, and whether files differed from it. */
export function shortCommit(commit: string): string {
  return commit.replace(/^([0-9a-f]{12})[0-9a-f]+/, '$1');
}

/** The machine of a run in one line. */
export function machineText({ cores, cpu, kernel, node, redis }: Machine): string {
  const parts = [`${cores} x ${cpu}`, kernel, `Node ${node}`, ...(redis === null ? [] : [`Redis ${redis}`])];
  return parts.join(', ');
}

/** A gate's value in its unit. */
export function gateValue({ value, unit }: GateOutcome): string {
  return gateNumber(value, unit);
}

/** The limits of a gate: `below 50 ms (fails at 100 ms)`. */
export function gateLimits({ warnAt, failAt, unit, good }: GateOutcome): string {
  const fail = gateNumber(failAt, unit);
  return warnAt === undefined ? `${good} ${fail}` : `${good} ${gateNumber(warnAt, unit)} (fails at ${fail})`;
}

/** The outcome of a gate in one sentence, for a log line or an annotation. */
export function gateSentence(
  { profile, requests }: Pick<RunResult, 'profile' | 'requests'>,
  gate: GateOutcome,
): string {
  const causes = gate.gate === 'error rate' ? errorsText(requests) : '';
  return `${profile}: ${gate.gate} is ${gateValue(gate)}, expected ${gateLimits(gate)}${causes && `; ${causes}`}`;
}

/** The errors by status, most frequent first: `401: 1,200, timeouts: 3`; empty without errors. */
export function errorsText({ byStatus, errors, timeouts }: Requests): string {
  const counts: [cause: string, n: number][] = [
    ...Object.entries(byStatus).filter(([status]) => isRefusal(status)),
    ['broken connections', errors],
    ['timeouts', timeouts],
  ];
  return counts
    .filter(([, n]) => n > 0)
    .sort(([, a], [, b]) => b - a)
    .map(([cause, n]) => `${cause}: ${count(n)}`)
    .join(', ');
}

/** The percentiles every table shows, in order. */
export const PERCENTILES: readonly (readonly [
  label: string,
  field: Exclude<keyof Latency, 'distribution'>,
])[] = [
  ['p50', 'p50Us'],
  ['p90', 'p90Us'],
  ['p95', 'p95Us'],
  ['p99', 'p99Us'],
  ['p99.9', 'p999Us'],
  ['max', 'maxUs'],
];

/** Failures as a share of all requests; NaN if none was sent. */
export function errorShare({ requests }: RunResult): number {
  return failures(requests) / requests.sent;
}

/** Hits as a share of all reads; NaN without reads. */
export function hitShare({ requests }: RunResult): number {
  return requests.hits / (requests.hits + requests.misses);
}

function gateNumber(value: number, unit: GateOutcome['unit']): string {
  switch (unit) {
    case 'ms':
      return `${significant(value)} ms`;
    case '%':
      return `${significant(value)} %`;
    case 'samples':
      return `${count(value)} samples`;
    case 'share':
      return significant(value);
  }
}
