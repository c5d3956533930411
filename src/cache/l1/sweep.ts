import type { Memory } from './memory.ts';

/** Removes what has expired from L1, with the event loop free between slices; says how many entries it was. */
export async function sweep(memory: Memory): Promise<number> {
  const slices = memory.sweep();
  for (;;) {
    const slice = slices.next();
    if (slice.done) return slice.value;
    await new Promise((resume) => setImmediate(resume));
  }
}

/** Sweeps at intervals, never two at once. Returns what stops it. */
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
