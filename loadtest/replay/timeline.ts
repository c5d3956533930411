/** When each operation is due: its logged time after the first operation, divided by the speed. */
import type { Schedule } from '../pacer/schedule.ts';
import type { Operation } from './operation.ts';

export const FASTEST = 100;

export interface Timeline extends Schedule {
  /** Number of operations in this part of the log. */
  readonly count: number;
  /** Time from the first to the last of these operations. */
  readonly lastsMs: number;
}

/**
 * @param operations in ascending time
 * @param speed 1 for the logged speed, up to `FASTEST`
 * @param mostMs the part of the log to use, whatever the speed: operations that were logged later are skipped
 */
export function timeline(
  operations: readonly Pick<Operation, 'atMs'>[],
  speed: number,
  mostMs: number = Number.POSITIVE_INFINITY,
): Timeline {
  if (!(speed >= 1 && speed <= FASTEST))
    throw new RangeError(`speed is ${speed}, and must be from 1 to ${FASTEST}`);
  const first = operations[0]?.atMs ?? 0;
  const logged = (n: number) => operations[n]!.atMs - first;
  const due = (n: number) => logged(n) / speed;
  let count = operations.length;
  while (count > 0 && logged(count - 1) > mostMs) count--;
  return {
    count,
    lastsMs: count === 0 ? 0 : due(count - 1),
    dueAt: (n) => (n < count ? due(n) : Number.POSITIVE_INFINITY),
  };
}

/** The same schedule, `leadMs` later. */
export function withLead(schedule: Schedule, leadMs: number): Schedule {
  return { dueAt: (n) => leadMs + schedule.dueAt(n) };
}
