import { Worker } from 'node:worker_threads';

/** Stops the ticks. */
export type Stop = () => Promise<void>;

/**
 * Calls `onTick` about every `periodMs`, which may be a fraction. Timers of the event loop only have whole
 * milliseconds. A busy loop would use a whole core and hide the load of the generator. A thread that sleeps in
 * `Atomics.wait` is accurate to some 50 us, and uses a tenth of a core at 0.2 ms.
 */
export function metronome(periodMs: number, onTick: () => void): Stop {
  const shared = new SharedArrayBuffer(4);
  const pending = new Int32Array(shared);
  const worker = new Worker(TICKER, { eval: true, workerData: { shared, periodMs } });
  worker.on('message', () => {
    Atomics.store(pending, 0, 0);
    onTick();
  });
  return async () => {
    await worker.terminate();
  };
}

// At most one tick is pending, so that ticks do not pile up in a busy generator.
const TICKER = `
const { parentPort, workerData: { shared, periodMs } } = require('node:worker_threads');
const pending = new Int32Array(shared);
const never = new Int32Array(new SharedArrayBuffer(4));
let next = performance.now();
for (;;) {
  next += periodMs;
  const wait = next - performance.now();
  if (wait > 0) Atomics.wait(never, 0, 0, wait);
  else next = performance.now();
  if (Atomics.exchange(pending, 0, 1) === 0) parentPort.postMessage(0);
}
`;
