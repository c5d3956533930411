/** Capacity and plan in words: the same cells on the terminal, in the page and in the document. */
import { bytes, count, percent, significant } from '../../src/format.ts';
import { duration } from '../report/format.ts';
import type { Capacity, ScenarioCapacity } from './capacity.ts';
import type { Demand, Estimate, Limits, Plan } from './plan.ts';
import type { Limit } from './search.ts';

export const KNEE_HEAD = [
  'scenario',
  'knee, requests/s',
  'range',
  'with',
  'so a core',
  'ended by',
  'CPU/request',
  'Redis commands/request',
];

const ENDED_BY: Readonly<Record<Limit, string>> = {
  server: 'the server',
  generator: 'the generator: a lower bound',
  range: 'the range of rates: a lower bound',
};

export function kneeRow({
  name,
  knee,
  serverShare,
  cpuPerRequestUs,
  redisCommandsPerRequest,
}: ScenarioCapacity): string[] {
  return [
    name,
    knee.median === 0 ? 'none' : count(knee.median),
    `${count(knee.lowest)} to ${count(knee.highest)}`,
    serverShare === 1 ? 'a core' : `${percent(serverShare)} of a core`,
    knee.median === 0 ? '–' : count(knee.median / serverShare),
    knee.median === 0 && knee.limit === 'range' ? 'the lowest rate, which failed' : ENDED_BY[knee.limit],
    cpuPerRequestUs === null ? '–' : duration(cpuPerRequestUs),
    redisCommandsPerRequest === null ? '–' : significant(redisCommandsPerRequest),
  ];
}

/** What an entry costs, and how that was found. */
export function memorySentence({ memory }: Capacity): string {
  const { entries, valueBytes, bytesPerEntry, settledBytesPerEntry, liveBytesPerEntry, heapLimitBytes } =
    memory;
  return (
    `An entry of L1 with a value of ${valueBytes} bytes takes ${count(bytesPerEntry)} bytes of resident memory while all ` +
    `${count(entries)} are written again and again, ${count(settledBytesPerEntry)} after a full collection, ` +
    `${count(liveBytesPerEntry)} of them alive. V8's heap ends at ${bytes(heapLimitBytes)} here, unless ` +
    `\`--max-old-space-size\` says otherwise.`
  );
}

/** The terms of a plan. */
export function demandSentence(demand: Demand, limits: Limits): string {
  const processes = limits.processes === 1 ? 'one process' : `${limits.processes} processes`;
  return (
    `${count(demand.ratePerSecond)} requests/s, ${percent(demand.headroom)} headroom, ${demand.spare} to spare, ` +
    `${count(demand.entries)} entries; a replica is ${processes} with ${limits.cpuCores * 1000}m CPU and ` +
    `${bytes(limits.memoryBytes)}, of which ${percent(limits.cpuShare)} and ${percent(limits.memoryShare)} may be used.`
  );
}

export const PLAN_HEAD = ['', 'value', 'basis'];

/** The lines of a plan: what, how much, and whether it was measured. */
export function planRows(plan: Plan): string[][] {
  const row = (label: string, figure: Estimate | null | undefined, text: (value: number) => string) =>
    figure === null || figure === undefined ? [] : [[label, text(figure.value), figure.basis]];
  const bound = plan.boundBy === 'cpu' ? 'bound by CPU' : 'bound by latency';
  return [
    ...row('replicas', plan.replicas, count),
    ...row(`requests/s of one replica, ${bound}`, plan.usablePerReplica, count),
    ...row('CPU of a replica with the spare ones away', plan.cpuShare, percent),
    ...row('memory of a replica, L1 full', plan.memoryBytes, bytes),
    ...row('of its limit', plan.memoryShare, percent),
    ...row('entries that would fit', plan.mostEntries, count),
    ...row('Redis commands/s, of all replicas', plan.redisCommandsPerSecond, count),
    ...row('Redis connections of a replica, allowed by 8.4', plan.connections?.allowed, count),
    ...row('Redis connections of a replica, used', plan.connections?.used, count),
  ];
}

/** Where it was measured; figures of another machine are other figures. */
export function machineSentence({ machine, startedAt, seconds, resolution }: Capacity): string {
  const redis = machine.redis === null ? '' : `, Redis ${machine.redis}`;
  return (
    `Measured ${startedAt.slice(0, 10)} on ${machine.cores} x ${machine.cpu}, ${machine.kernel}, Node ${machine.node}${redis}; ` +
    `steps of ${seconds} s, to ${percent(resolution)}.`
  );
}
