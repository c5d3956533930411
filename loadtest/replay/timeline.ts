/** When each operation is due: as logged, from the first one on, so many times as fast. */
import type { Schedule } from '../pacer/schedule.ts';
import type { Operation } from './operation.ts';

export const FASTEST = 100;

export interface Timeline extends Schedule {
  /** How many are due within the time. */
  readonly count: number;
  /** From the first to the last of them, in milliseconds. */
  readonly lastsMs: number;
}

/**
 * @param operations ascending in time
 * @param speed 1 as logged, 10 ten times as fast, up to `FASTEST`
 * @param mostMs what is due later is left out
 */
export function timeline(
  operations: readonly Pick<Operation, 'atMs'>[],
  speed: number,
  mostMs: number = Number.POSITIVE_INFINITY,
): Timeline {
  if (!(speed >= 1 && speed <= FASTEST))
    throw new RangeError(`speed is ${speed}, and must be from 1 to ${FASTEST}`);
  const first = operations[0]?.atMs ?? 0;
  const due = (n: number) => (operations[n]!.atMs - first) / speed;
  let count = operations.length;
  while (count > 0 && due(count - 1) > mostMs) count--;
  return {
    count,
    lastsMs: count === 0 ? 0 : due(count - 1),
    dueAt: (n) => (n < count ? due(n) : Number.POSITIVE_INFINITY),
  };
}

/** The same, beginning so much later. */
export function withLead(schedule: Schedule, leadMs: number): Schedule {
  return { dueAt: (n) => leadMs + schedule.dueAt(n) };
}
