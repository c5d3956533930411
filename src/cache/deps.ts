import type { TtlTable } from '../key.ts';
import type { Counters } from '../metrics/counters.ts';
import type { CoherenceState } from './bus.ts';
import type { Clock } from './clock.ts';
import type { Memory } from './l1/memory.ts';
import type { PendingWrites } from './pending-writes/pending-writes.ts';
import type { Store } from './store.ts';
import type { Version, VersionClock } from './version.ts';

/** What the two levels are made of. */
export interface TwoLevelDeps {
  /** Undefined with ENABLE_LOCAL_CACHE=false. */
  readonly memory: Memory | undefined;
  /** Undefined when standalone: L1 is then all there is. */
  readonly store: Store | undefined;
  readonly clock: Clock;
  readonly versions: VersionClock;
  readonly counters: Counters;
  /** Whether a bus tells what happens in L2; L1 is then not trusted before the bus says so. */
  readonly linked?: boolean;
  readonly ttls: TtlTable;
  /** Keeps the changes that L2 does not take; without it they fail. */
  readonly pendingWrites?: PendingWrites | undefined;
  /** Whether L1's entries are written back to an L2 that has lost its data. */
  readonly rewarm?: boolean;
  /** Called for a key that neither tier holds, once for all reads that joined one flight. */
  readonly onMiss?: ((key: string) => void) | undefined;
  /** Called for a pending change that was dropped because L2 holds a newer value, or none of a later deletion. */
  readonly onSuperseded?: ((key: string, version: Version, present: Version | undefined) => void) | undefined;
  /** Called at each change of state. */
  readonly onState?: ((state: CoherenceState) => void) | undefined;
}
