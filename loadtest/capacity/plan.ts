/**
 * Plans from the measurements of one instance: the number of replicas, their memory, and the load on Redis. Pure.
 * Every value says whether it was measured or extrapolated.
 */

/** `measured`: observed in a run. `extrapolated`: continues a run linearly. `given`: set by the user. */
export type Basis = 'measured' | 'extrapolated' | 'given';

export interface Estimate {
  readonly value: number;
  readonly basis: Basis;
}

/** What the user requires. */
export interface Demand {
  /** Requests/s of all replicas together. */
  readonly ratePerSecond: number;
  /** Share of an instance's rate that stays free for bursts, 0 to 1. */
  readonly headroom: number;
  /** Replicas that may be missing at the full rate, because of a rolling update or a lost node. */
  readonly spare: number;
  /** Entries in the L1 of each replica: every replica holds its own copy. */
  readonly entries: number;
}

/** What a replica may use; section 3.1 of the original runbook. */
export interface Limits {
  /** 2 is 2000m. */
  readonly cpuCores: number;
  readonly memoryBytes: number;
  /** Processes of a replica (PROCESSES); each uses at most one core. */
  readonly processes: number;
  /** Shares of CPU and memory above which the original runbook scales out (3.3). */
  readonly cpuShare: number;
  readonly memoryShare: number;
  readonly leastReplicas: number;
  /** REDIS_MAX_CONNECTIONS as the limit of all replicas together (8.4). */
  readonly redisMaxConnections: number;
}

/** The measurements of one process. */
export interface Measured {
  /** The highest rate at which every gate holds, requests/s. */
  readonly kneePerSecond: number;
  /** The knee was measured with a share of a core, and extrapolated to the whole core. */
  readonly kneeIsExtrapolated: boolean;
  /** The generator or the range ended the search, so the knee may be higher. */
  readonly kneeIsLowerBound: boolean;
  /** CPU for one request at the knee; null if it is unknown. */
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
  /** Resident memory that one entry adds. */
  readonly bytesPerEntry: number;
  /** Size of the value. */
  readonly valueBytes: number;
  /** Memory of one entry in V8's heap and in buffers, without garbage. */
  readonly liveBytesPerEntry: number;
  /** The limit of V8's heap, whatever the memory of the replica is. */
  readonly heapLimitBytes: number;
  /** Entries in the measurement. */
  readonly entries: number;
}

export interface Plan {
  /** Requests/s of one replica, without the headroom. */
  readonly usablePerReplica: Estimate;
  /** What limits the rate. */
  readonly boundBy: 'latency' | 'cpu';
  readonly replicas: Estimate;
  /** CPU of a replica at the required rate, as a share of its limit; null if it is unknown. */
  readonly cpuShare: Estimate | null;
  /** Memory of a replica with L1 full. */
  readonly memoryBytes: Estimate;
  /** As a share of the memory limit. */
  readonly memoryShare: Estimate;
  /** The largest LOCAL_CACHE_MAX_SIZE that fits, for each process. */
  readonly mostEntries: Estimate;
  /** Redis commands of all replicas together; null without Redis. */
  readonly redisCommandsPerSecond: Estimate | null;
  /** Connections that 8.4 allows for each replica, and that it uses; null without Redis. */
  readonly connections: { readonly allowed: Estimate; readonly used: Estimate } | null;
  /** One sentence for each limit that the plan exceeds; empty for a valid plan. */
  readonly problems: readonly string[];
}

/** Above this share V8 spends more and more time on collections. */
const MOST_OF_THE_HEAP = 0.7;

/** @throws RangeError for an invalid value */
export function plan(demand: Demand, limits: Limits, measured: Measured): Plan {
  check(demand, limits, measured);
  const rate = rateOf(demand, limits, measured);
  const needed = Math.ceil(demand.ratePerSecond / rate.usable.value) + demand.spare;
  const replicas = Math.max(limits.leastReplicas, needed);
  const memory = memoryOf(demand, limits, measured.memory);
  // Without the spare replicas the others serve everything.
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
            `The entries use ${percent(memory.memoryShare.value)} of a replica's memory, above ${percent(limits.memoryShare)}: ` +
              `at most ${memory.mostEntries.value} fit. More replicas do not help, because each holds its own copy.`,
          ]
        : []),
      ...heapProblem(demand, measured.memory),
      ...(connections !== null && connections.allowed.value < connections.used.value
        ? [
            `REDIS_MAX_CONNECTIONS / replicas allows ${connections.allowed.value} connections for each replica, which uses ` +
              `${connections.used.value}: raise REDIS_MAX_CONNECTIONS to ${connections.used.value * replicas} or more.`,
          ]
        : []),
      ...(measured.kneeIsLowerBound
        ? ['The knee is a lower bound, because the server was not the limit. Fewer replicas may be enough.']
        : []),
    ],
  };
}

function rateOf(demand: Demand, limits: Limits, measured: Measured) {
  const { processes, cpuCores, cpuShare } = limits;
  // The cores that the replica may use, at most one for each process.
  const cores = Math.min(processes, cpuCores);
  const byLatency = measured.kneePerSecond * cores * (1 - demand.headroom);
  const byCpu =
    measured.cpuSecondsPerRequest === null || measured.cpuSecondsPerRequest === 0
      ? Number.POSITIVE_INFINITY
      : (cores * cpuShare) / measured.cpuSecondsPerRequest;
  const value = Math.min(byLatency, byCpu);
  const boundBy = byLatency <= byCpu ? ('latency' as const) : ('cpu' as const);
  // A run served this rate if it is below the knee of one process. Several processes did not run together, and the
  // rate at the CPU limit continues the measurement linearly.
  const seen = cores === 1 && boundBy === 'latency' && !measured.kneeIsExtrapolated;
  const basis: Basis = seen ? 'measured' : 'extrapolated';
  return { usable: { value, basis }, boundBy };
}

/** Extrapolated: the process and its entries were measured separately, and no run measured their sum. */
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

/** V8's heap has its own limit, which a large replica reaches long before its memory limit. */
function heapProblem({ entries }: Demand, { liveBytesPerEntry, heapLimitBytes }: MeasuredMemory): string[] {
  const live = entries * liveBytesPerEntry;
  if (live <= MOST_OF_THE_HEAP * heapLimitBytes) return [];
  const mebibytes = Math.ceil(live / MOST_OF_THE_HEAP / 1024 ** 2);
  return [
    `The entries use ${percent(live / heapLimitBytes)} of V8's heap limit: start the service with --max-old-space-size=${mebibytes}.`,
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
      throw new RangeError(`${name} is ${value}, and must be above 0`);
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
