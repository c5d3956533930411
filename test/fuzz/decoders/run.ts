import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Fault } from '../kind.ts';

export interface Job {
  readonly kind: string;
  readonly seed: number;
  readonly from: number;
  readonly count: number;
  /** The number of the input that is being checked. */
  readonly progress: SharedArrayBuffer;
}

export type Verdict = { readonly index: number; readonly message: string } | undefined;

/** An input takes less than a millisecond. One that takes this long will not end, even on a busy machine. */
const STUCK_MS = 60_000;

/** Checks inputs of a decoder. @throws Fault for the first input that fails, ends the thread, or does not end */
export async function checkDecoder(kind: string, seed: number, from: number, count: number): Promise<void> {
  const progress = new SharedArrayBuffer(8);
  const position = new BigInt64Array(progress);
  const worker = new Worker(new URL('worker.ts', import.meta.url), {
    workerData: { kind, seed, from, count, progress } satisfies Job,
  });
  let before = -1n;
  let stuck = false;
  const timer = setInterval(() => {
    const now = Atomics.load(position, 0);
    stuck = now === before;
    before = now;
    if (stuck) void worker.terminate();
  }, STUCK_MS);
  let verdict: Verdict;
  worker.on('message', (message: Verdict) => {
    verdict = message;
  });
  try {
    await once(worker, 'exit');
  } catch (error) {
    throw new Fault(Number(Atomics.load(position, 0)), 'the thread ended', error);
  } finally {
    clearInterval(timer);
  }
  if (stuck) throw new Fault(Number(before), `the decoder did not end within ${STUCK_MS / 1000} s`);
  if (verdict !== undefined) throw new Fault(verdict.index, verdict.message);
}
