/**
 * From what one instance was measured to do: how many are needed, how much memory, and what Redis sees of them.
 * Pure. Every line says whether it was measured or extrapolated from what was.
 */

/** `measured`: seen in a run. `extrapolated`: beyond what was run, along a straight line. `given`: by the planner. */
export type Basis = 'measured' | 'extrapolated' | 'given';

export interface Estimate {
  readonly value: number;
  readonly basis: Basis;
}

/** What the planner wants. */
export interface Demand {
  /** Of all replicas together, requests/s. */
  readonly ratePerSecond: number;
  /** Share of an instance's rate that is left free for bursts, 0 to 1. */
  readonly headroom: number;
  /** Replicas that may be missing at full rate: a rolling update, a lost node. */
  readonly spare: number;
  /** Of L1, in each replica: every replica holds its own copy. */
  readonly entries: number;
}

/** What a replica may use; section 3.1 of the runbook. */
export interface Limits {
  /** 2 is 2000m. */
  readonly cpuCores: number;
  readonly memoryBytes: number;
  /** Processes of a replica, sharing the port by REUSE_PORT; one uses a core at most. */
  readonly processes: number;
  /** Share of the CPU and of the memory over which the runbook scales out (3.3). */
  readonly cpuShare: number;
  readonly memoryShare: number;
  readonly leastReplicas: number;
  /** REDIS_MAX_CONNECTIONS, shared by all replicas (8.4). */
  readonly redisMaxConnections: number;
}

/** What one process was measured to do. */
export interface Measured {
  /** The highest rate at which every gate holds, requests/s. */
  readonly kneePerSecond: number;
  /** It was measured with a share of a core, and the rest of the core is thought to bear as much. */
  readonly kneeIsExtrapolated: boolean;
  /** The generator or the range ended the search: the knee may be higher. */
  readonly kneeIsLowerBound: boolean;
  /** CPU for one request at the knee, in seconds; null where it is not known. */
  readonly cpuSecondsPerRequest: number | null;
  /** Redis commands for one request; null without Redis. */
  readonly redisCommandsPerRequest: number | null;
  /** Connections that one process holds; null without Redis. */
  readonly redisConnections: number | null;
  readonly memory: MeasuredMemory;
}

export interface MeasuredMemory {
  /** Resident memory of a process with an empty L1. */
  readonly emptyBytes: number;
  /** What one entry adds to that. */
  readonly bytesPerEntry: number;
  /** Of the value, in bytes. */
  readonly valueBytes: number;
  /** What one entry takes of V8's heap and of buffers, without garbage. */
  readonly liveBytesPerEntry: number;
  /** Where V8's heap ends, whatever the replica's memory is. */
  readonly heapLimitBytes: number;
  /** How many were there when it was measured. */
  readonly entries: number;
}

export interface Plan {
  /** Of one replica, requests/s, with the headroom left free. */
  readonly usablePerReplica: Estimate;
  /** What bounds it. */
  readonly boundBy: 'latency' | 'cpu';
  readonly replicas: Estimate;
  /** CPU of a replica at the demanded rate, a share of its limit; null where it is not known. */
  readonly cpuShare: Estimate | null;
  /** Memory of a replica with L1 full. */
  readonly memoryBytes: Estimate;
  /** Of the limit. */
  readonly memoryShare: Estimate;
  /** What LOCAL_CACHE_MAX_SIZE of each process may be at most. */
  readonly mostEntries: Estimate;
  /** Of all replicas together; null without Redis. */
  readonly redisCommandsPerSecond: Estimate | null;
  /** What 8.4 gives each replica, and what it uses; null without Redis. */
  readonly connections: { readonly allowed: Estimate; readonly used: Estimate } | null;
  /** What does not fit, in sentences; empty where the plan holds. */
  readonly problems: readonly string[];
}

/** Over this, collections take more and more of the time. */
const MOST_OF_THE_HEAP = 0.7;

/** @throws RangeError where a figure makes no sense */
export function plan(demand: Demand, limits: Limits, measured: Measured): Plan {
  check(demand, limits, measured);
  const rate = rateOf(demand, limits, measured);
  const needed = Math.ceil(demand.ratePerSecond / rate.usable.value) + demand.spare;
  const replicas = Math.max(limits.leastReplicas, needed);
  const memory = memoryOf(demand, limits, measured.memory);
  // With the spare ones away, the others carry everything.
  const busyRate = demand.ratePerSecond / Math.max(1, replicas - demand.spare);
  const cpuShare =
    measured.cpuSecondsPerRequest === null
      ? null
      : extrapolated((measured.cpuSecondsPerRequest * busyRate) / limits.cpuCores);
  const commands = measured.redisCommandsPerRequest;
  const connections = connectionsOf(replicas, limits, measured);
  return {
    usablePerReplica: rate.usable,
    boundBy: rate.boundBy,
    replicas: extrapolated(replicas),
    cpuShare,
    ...memory,
    redisCommandsPerSecond: commands === null ? null : extrapolated(commands * demand.ratePerSecond),
    connections,
    problems: [
      ...(memory.memoryShare.value > limits.memoryShare
        ? [
            `The entries take ${percent(memory.memoryShare.value)} of a replica's memory, over ${percent(limits.memoryShare)}: ` +
              `at most ${memory.mostEntries.value} fit. More replicas do not help, since each holds its own copy.`,
          ]
        : []),
      ...heapProblem(demand, measured.memory),
      ...(connections !== null && connections.allowed.value < connections.used.value
        ? [
            `REDIS_MAX_CONNECTIONS / replicas leaves ${connections.allowed.value} connections for each replica, which uses ` +
              `${connections.used.value}: raise it to ${connections.used.value * replicas} or more.`,
          ]
        : []),
      ...(measured.kneeIsLowerBound
        ? ['The knee is a lower bound: the search ended before the server did. Fewer replicas may do.']
        : []),
    ],
  };
}

function rateOf(demand: Demand, limits: Limits, measured: Measured) {
  const { processes, cpuCores, cpuShare } = limits;
  // As many cores as it may use, and never more than it has processes for.
  const cores = Math.min(processes, cpuCores);
  const byLatency = measured.kneePerSecond * cores * (1 - demand.headroom);
  const byCpu =
    measured.cpuSecondsPerRequest === null || measured.cpuSecondsPerRequest === 0
      ? Number.POSITIVE_INFINITY
      : (cores * cpuShare) / measured.cpuSecondsPerRequest;
  const value = Math.min(byLatency, byCpu);
  const boundBy = byLatency <= byCpu ? ('latency' as const) : ('cpu' as const);
  // A rate under the knee of one process was carried in a run. Several processes were not run together, and where
  // the CPU would be at its limit is a straight line from where it was.
  const seen = cores === 1 && boundBy === 'latency' && !measured.kneeIsExtrapolated;
  const basis: Basis = seen ? 'measured' : 'extrapolated';
  return { usable: { value, basis }, boundBy };
}

/** All of it extrapolated: the process and its entries were measured apart, and their sum in no run. */
function memoryOf(demand: Demand, limits: Limits, { emptyBytes, bytesPerEntry }: MeasuredMemory) {
  const { processes, memoryBytes: limit, memoryShare } = limits;
  const bytes = processes * (emptyBytes + demand.entries * bytesPerEntry);
  const room = (limit * memoryShare) / processes - emptyBytes;
  return {
    memoryBytes: extrapolated(bytes),
    memoryShare: extrapolated(bytes / limit),
    mostEntries: extrapolated(Math.max(0, Math.floor(room / bytesPerEntry))),
  };
}

/** V8 gives up long before a large replica's memory is full: its heap has a limit of its own. */
function heapProblem({ entries }: Demand, { liveBytesPerEntry, heapLimitBytes }: MeasuredMemory): string[] {
  const live = entries * liveBytesPerEntry;
  if (live <= MOST_OF_THE_HEAP * heapLimitBytes) return [];
  const mebibytes = Math.ceil(live / MOST_OF_THE_HEAP / 1024 ** 2);
  return [
    `The entries take ${percent(live / heapLimitBytes)} of V8's heap: start the service with --max-old-space-size=${mebibytes}.`,
  ];
}

function connectionsOf(
  replicas: number,
  limits: Limits,
  { redisConnections }: Measured,
): Plan['connections'] {
  if (redisConnections === null) return null;
  return {
    allowed: { value: Math.floor(limits.redisMaxConnections / replicas), basis: 'given' },
    used: {
      value: redisConnections * limits.processes,
      basis: limits.processes === 1 ? 'measured' : 'extrapolated',
    },
  };
}

function check(demand: Demand, limits: Limits, measured: Measured): void {
  const positive = (name: string, value: number) => {
    if (!(value > 0 && Number.isFinite(value)))
      throw new RangeError(`${name} is ${value}, and must be over 0`);
  };
  positive('the rate', demand.ratePerSecond);
  positive('the knee', measured.kneePerSecond);
  positive('bytes per entry', measured.memory.bytesPerEntry);
  positive('the CPU limit', limits.cpuCores);
  positive('the memory limit', limits.memoryBytes);
  positive('processes', limits.processes);
  if (!(demand.headroom >= 0 && demand.headroom < 1))
    throw new RangeError(`headroom is ${demand.headroom}, and must be from 0 to less than 1`);
}

function extrapolated(value: number): Estimate {
  return { value, basis: 'extrapolated' };
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
