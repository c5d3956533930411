/** Open-loop reads, sent by the clock; without a rate, as many as this generator can. */
import type { Generated } from '../../../loadtest/generator/job.ts';
import { flood } from '../../../loadtest/pacer/flood.ts';
import { HttpLane } from '../../../loadtest/pacer/http-lane.ts';
import { pace } from '../../../loadtest/pacer/pacer.ts';
import { steady } from '../../../loadtest/pacer/schedule.ts';
import type { Prepared } from '../../../loadtest/traffic/prepared.ts';
import { doJob } from './child.ts';

export interface PacedJob {
  readonly port: number;
  readonly requests: readonly string[];
  readonly connections: number;
  /** Requests a second; undefined to find out how many there can be. */
  readonly ratePerSecond: number | undefined;
  readonly ms: number;
}

export type PacedTold = { readonly perSecond: number } | Generated;

/** Of an open-loop run, before it counts: this process is new, and what it cannot send at first queues up. */
const WARMUP_MS = 1500;

doJob<PacedJob>(async ({ port, requests, connections, ratePerSecond, ms }): Promise<PacedTold> => {
  const prepared = requests.map(
    (text): Prepared => ({
      bytes: Buffer.from(text, 'latin1'),
      hits: 'status',
      keys: 1,
      method: 'GET',
      path: '',
      body: undefined,
    }),
  );
  const request = (n: number) => prepared[n % prepared.length]!;
  const open = () => new HttpLane(port);
  if (ratePerSecond === undefined) return { perSecond: await flood(open, request, connections, ms) };
  return pace({
    schedule: steady(ratePerSecond, WARMUP_MS + ms),
    request,
    open,
    connections,
    warmupMs: WARMUP_MS,
    measuredMs: ms,
  });
});
