import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Service } from '../../loadtest/target/service.ts';

/** The delay of each read, in ms. */
export interface Delays {
  readonly reads: number;
  readonly p99: number;
  readonly worst: number;
}

/**
 * A client that reads one key of L1 every few milliseconds while `act` runs, in a thread of its own. The delay of a read is the
 * CPU time that the event loop of the service used until the answer arrived, without the time that the client itself waited for a
 * core. So other programs on the machine do not count.
 */
export async function besideNeighbour(
  { port, pid }: Pick<Service, 'port' | 'pid'>,
  key: string,
  act: () => Promise<void>,
): Promise<Delays> {
  const worker = new Worker(new URL('./neighbour-worker.ts', import.meta.url), {
    workerData: { port, pid, key },
  });
  const failed = once(worker, 'error').then(([error]) => Promise.reject(error as Error));
  failed.catch(() => {});
  await Promise.race([once(worker, 'message'), failed]);
  try {
    await Promise.race([act(), failed]);
    const ended = once(worker, 'message');
    worker.postMessage('stop');
    const [costs] = (await Promise.race([ended, failed])) as [number[]];
    costs.sort((a, b) => a - b);
    return { reads: costs.length, p99: costs[Math.floor(costs.length * 0.99)]!, worst: costs.at(-1)! };
  } finally {
    await worker.terminate();
  }
}
