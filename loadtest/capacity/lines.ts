/** Texts of capacity and plan: the same on the terminal, in the page and in the document. */
import { bytes, count, percent, significant } from '../../src/format.ts';
import { duration, machineText } from '../report/format.ts';
import type { Capacity, ScenarioCapacity } from './capacity.ts';
import type { Demand, Estimate, Limits, Plan } from './plan.ts';
import type { Limit } from './search.ts';

export const KNEE_HEAD = [
  'scenario',
  'knee, requests/s',
  'range',
  'CPU limit',
  'per core',
  'search ended by',
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
    serverShare === 1 ? 'one core' : `${percent(serverShare)} of a core`,
    knee.median === 0 ? '–' : count(knee.median / serverShare),
    knee.median === 0 && knee.limit === 'range' ? 'the lowest rate, which failed' : ENDED_BY[knee.limit],
    cpuPerRequestUs === null ? '–' : duration(cpuPerRequestUs),
    redisCommandsPerRequest === null ? '–' : significant(redisCommandsPerRequest),
  ];
}

/** The memory of an entry, and how it was measured. */
export function memorySentence({ memory }: Capacity): string {
  const { entries, valueBytes, bytesPerEntry, settledBytesPerEntry, liveBytesPerEntry, heapLimitBytes } =
    memory;
  return (
    `An L1 entry with a value of ${valueBytes} bytes uses ${count(bytesPerEntry)} bytes of resident memory while all ` +
    `${count(entries)} entries are written repeatedly. After a full collection it uses ${count(settledBytesPerEntry)} ` +
    `bytes; ${count(liveBytesPerEntry)} of these are live. V8's heap limit here is ${bytes(heapLimitBytes)}; ` +
    `\`--max-old-space-size\` sets another one.`
  );
}

/** The conditions of a plan. */
export function demandSentence(demand: Demand, limits: Limits): string {
  const processes = limits.processes === 1 ? 'one process' : `${limits.processes} processes`;
  return (
    `${count(demand.ratePerSecond)} requests/s, ${percent(demand.headroom)} headroom, ${demand.spare} spare, ` +
    `${count(demand.entries)} entries; a replica is ${processes} with ${limits.cpuCores * 1000}m CPU and ` +
    `${bytes(limits.memoryBytes)}, and may use ${percent(limits.cpuShare)} and ${percent(limits.memoryShare)} of them.`
  );
}

export const PLAN_HEAD = ['', 'value', 'basis'];

/** The rows of a plan: name, value, and whether it was measured. */
export function planRows(plan: Plan): string[][] {
  const row = (label: string, figure: Estimate | null | undefined, text: (value: number) => string) =>
    figure === null || figure === undefined ? [] : [[label, text(figure.value), figure.basis]];
  const bound = plan.boundBy === 'cpu' ? 'bound by CPU' : 'bound by latency';
  return [
    ...row('replicas', plan.replicas, count),
    ...row(`requests/s of one replica, ${bound}`, plan.usablePerReplica, count),
    ...row('CPU of a replica without the spare replicas', plan.cpuShare, percent),
    ...row('memory of a replica, L1 full', plan.memoryBytes, bytes),
    ...row('share of its memory limit', plan.memoryShare, percent),
    ...row('entries that fit', plan.mostEntries, count),
    ...row('Redis commands/s, of all replicas', plan.redisCommandsPerSecond, count),
    ...row('Redis connections of a replica, allowed by 8.4', plan.connections?.allowed, count),
    ...row('Redis connections of a replica, used', plan.connections?.used, count),
  ];
}

/** Where and how it was measured. */
export function machineSentence({ machine, startedAt, seconds, resolution }: Capacity): string {
  return (
    `Measured ${startedAt.slice(0, 10)} on ${machineText(machine)}; ` +
    `steps of ${seconds} s, resolution ${percent(resolution)}.`
  );
}
