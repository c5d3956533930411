/** Measures the memory of an L1 entry: fills the service's own `Memory` in a separate process. */
import { once } from 'node:events';
import { startPart } from '../support/part.ts';
import type { MeasuredMemory } from './plan.ts';

const TIMEOUT_MS = 120_000;

export interface MemoryMeasurement extends MeasuredMemory {
  /** Resident memory after a full collection; `bytesPerEntry` is the maximum while every entry is written again. */
  readonly settledBytesPerEntry: number;
}

/**
 * Fills an L1 with `entries` JSON values of `valueBytes` bytes, at least 20. Each is read once, so it has its header
 * lines too.
 */
export async function measureMemory(entries: number, valueBytes: number): Promise<MemoryMeasurement> {
  const child = startPart('memory', entries, valueBytes);
  const ended = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`the process that measures memory ended early (${signal ?? `exit code ${code}`})`);
  });
  try {
    const message = once(child, 'message', { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const [measurement] = await Promise.race([message, ended]);
    return measurement;
  } finally {
    ended.catch(() => {});
    child.kill('SIGKILL');
  }
}
