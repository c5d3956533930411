import { Worker } from 'node:worker_threads';

/** Ends the ticking. */
export type Stop = () => Promise<void>;

/**
 * Calls `onTick` about every `periodMs`, which may be a fraction. Timers of the event loop know whole
 * milliseconds only, and spinning would cost a whole core and hide how busy the generator is; a thread that
 * sleeps in `Atomics.wait` is exact to some 50 us and costs a tenth of a core at 0.2 ms.
 */
export function metronome(periodMs: number, onTick: () => void): Stop {
  const shared = new SharedArrayBuffer(4);
  const unheard = new Int32Array(shared);
  const worker = new Worker(TICKER, { eval: true, workerData: { shared, periodMs } });
  worker.on('message', () => {
    Atomics.store(unheard, 0, 0);
    onTick();
  });
  return async () => {
    await worker.terminate();
  };
}

// While a tick has not been heard there is no other, so that they cannot pile up in a busy generator.
const TICKER = `
const { parentPort, workerData: { shared, periodMs } } = require('node:worker_threads');
const unheard = new Int32Array(shared);
const never = new Int32Array(new SharedArrayBuffer(4));
let next = performance.now();
for (;;) {
  next += periodMs;
  const wait = next - performance.now();
  if (wait > 0) Atomics.wait(never, 0, 0, wait);
  else next = performance.now();
  if (Atomics.exchange(unheard, 0, 1) === 0) parentPort.postMessage(0);
}
`;
