import type { TtlTable } from '../key.ts';
import type { Counters } from '../metrics/counters.ts';
import type { Tracing } from '../tracing/tracing.ts';
import type { CoherenceState } from './bus.ts';
import type { Clock } from './clock.ts';
import type { Rule } from './dependencies/rules.ts';
import type { Value } from './entry.ts';
import type { Memory } from './l1/memory.ts';
import type { PendingWrites } from './pending-writes/pending-writes.ts';
import type { Quality } from './quality/quality.ts';
import type { Kind } from './quality/records.ts';
import type { OnSampledRead } from './read-sampler.ts';
import type { RecentChanges } from './recent-changes.ts';
import type { Slots } from './slots.ts';
import type { Store } from './store.ts';
import type { Version, VersionClock } from './version.ts';

/** The parts of a two-level cache. */
export interface TwoLevelDeps {
  /** Undefined with ENABLE_LOCAL_CACHE=false. */
  readonly memory: Memory | undefined;
  /** L2. Undefined when standalone. */
  readonly store: Store | undefined;
  readonly clock: Clock;
  readonly versions: VersionClock;
  readonly counters: Counters;
  /** How L2 divides the keys among its servers; by default it is one server. */
  readonly slots?: Slots | undefined;
  /** Whether a link reports the changes of L2. L1 is then not trusted before the link is armed. */
  readonly linked?: boolean;
  readonly ttls: TtlTable;
  /** Which keys depend on others; none by default. */
  readonly dependencies?: readonly Rule[];
  /** Stores the changes that L2 did not accept. Without it such changes fail. */
  readonly pendingWrites?: PendingWrites | undefined;
  /** Whether L1's entries are written back to an L2 that has lost its data. */
  readonly rewarm?: boolean;
  /** The quality of values; by default all are good. */
  readonly quality?: Quality;
  /** Called when sources or marks in L2 may have changed. @param kind undefined for both */
  readonly onQualityChange?: ((kind?: Kind) => void) | undefined;
  /** Remembers the changes that the link reports. */
  readonly recent?: RecentChanges | undefined;
  /** Called for some reads when they are answered: one in 64 on average. */
  readonly onSampledRead?: OnSampledRead | undefined;
  /** Called for some writes: one in 64 on average. @param value undefined for a deletion */
  readonly onSampledWrite?: ((key: string, value: Value | undefined) => void) | undefined;
  /** Called for a key that neither tier has, once for all reads that joined one flight. */
  readonly onMiss?: ((key: string) => void) | undefined;
  /** Called for a pending change that yielded to a newer change of its key. @param present its version, if known */
  readonly onSuperseded?: ((key: string, version: Version, present: Version | undefined) => void) | undefined;
  /** Called on every change of the coherence state. @param server its name, where L2 has several servers */
  readonly onState?: ((state: CoherenceState, server: string | undefined) => void) | undefined;
  /** Records replays; undefined without traces. */
  readonly tracing?: Pick<Tracing, 'start'> | undefined;
}
