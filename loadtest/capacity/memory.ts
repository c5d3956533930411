/** What an entry of L1 costs, measured: the service's own `Memory`, filled in a process of its own. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { MeasuredMemory } from './plan.ts';

const CHILD = fileURLToPath(new URL('memory-child.ts', import.meta.url));
const TIMEOUT_MS = 120_000;

export interface MemoryMeasurement extends MeasuredMemory {
  /** Resident after a full collection; `bytesPerEntry` is the most while every entry is written again. */
  readonly settledBytesPerEntry: number;
}

/**
 * Fills an L1 with `entries` entries whose JSON values have `valueBytes` bytes, each served once so that it holds
 * its prepared header too. A process of its own, since a heap that others share cannot be told apart.
 */
export async function measureMemory(entries: number, valueBytes: number): Promise<MemoryMeasurement> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--expose-gc', CHILD, String(entries), String(valueBytes)],
    { timeout: TIMEOUT_MS },
  );
  return JSON.parse(stdout) as MemoryMeasurement;
}
