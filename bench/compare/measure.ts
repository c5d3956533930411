import type { Running } from '../peers/peer.ts';
import { cpuSeconds, treeOf } from './process-tree.ts';
import type { Allocated, Load, Percentiles } from './row.ts';

/** What one run came to. */
export interface Sample {
  /** From 0. Contestants are compared round by round. */
  readonly round: number;
  readonly perSecond: number;
  /** User and kernel time of the server's processes, by the requests that they answered. */
  readonly cpuUs: number;
  /** Of the server's core, the share that its processes took: well under 1 the generator was the limit. */
  readonly busy: number;
  readonly bytesPerAnswer?: number;
  readonly latency?: Percentiles;
  readonly allocated?: Allocated;
  readonly instructions?: number;
  /** Where there are any the figures do not count. */
  readonly faults: readonly string[];
}

export async function measure(server: Running, load: Load, seconds: number, round: number): Promise<Sample> {
  const pids = treeOf(server.pids);
  const before = cpuSeconds(pids);
  const { requests, seconds: took, faults, ...figures } = await load.run(server, seconds);
  const cpu = cpuSeconds(pids) - before;
  return {
    round,
    perSecond: requests / took,
    cpuUs: (cpu * 1e6) / requests,
    busy: cpu / took,
    ...figures,
    faults: requests === 0 ? [...faults, 'no request was answered'] : faults,
  };
}
