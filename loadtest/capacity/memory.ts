/** What an entry of L1 costs, measured: the service's own `Memory`, filled in a process of its own. */
import { once } from 'node:events';
import { startPart } from '../support/part.ts';
import type { MeasuredMemory } from './plan.ts';

const TIMEOUT_MS = 120_000;

export interface MemoryMeasurement extends MeasuredMemory {
  /** Resident after a full collection; `bytesPerEntry` is the most while every entry is written again. */
  readonly settledBytesPerEntry: number;
}

/**
 * Fills an L1 with `entries` entries whose JSON values have `valueBytes` bytes, at least 20, each served once so that
 * it holds its prepared header too.
 */
export async function measureMemory(entries: number, valueBytes: number): Promise<MemoryMeasurement> {
  const child = startPart('memory', entries, valueBytes);
  const ended = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`memory could not be measured (${signal ?? `exit code ${code}`})`);
  });
  try {
    const told = once(child, 'message', { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const [measurement] = await Promise.race([told, ended]);
    return measurement;
  } finally {
    ended.catch(() => {});
    child.kill('SIGKILL');
  }
}
