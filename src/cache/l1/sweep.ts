import type { Memory } from './memory.ts';

/** Removes expired entries from L1 in slices, and lets the event loop run in between. Returns how many it removed. */
export async function sweep(memory: Memory): Promise<number> {
  const slices = memory.sweep();
  for (;;) {
    const slice = slices.next();
    if (slice.done) return slice.value;
    await new Promise((resume) => setImmediate(resume));
  }
}

/** Sweeps at intervals, never twice at the same time. Returns a function that stops it. */
export function sweepEvery(memory: Memory, intervalMs: number): () => void {
  let sweeping = false;
  const timer = setInterval(() => {
    if (sweeping) return;
    sweeping = true;
    void sweep(memory).finally(() => {
      sweeping = false;
    });
  }, intervalMs);
  timer.unref();
  return () => clearInterval(timer);
}
