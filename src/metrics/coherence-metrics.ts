import type { CoherenceState } from '../cache/bus.ts';
import type { Counters } from './counters.ts';
import { counter, gauge, histogram, type Sample, type Scraped } from './scraped.ts';
import { labelled, type ServerSource } from './servers.ts';

const STATES: readonly CoherenceState[] = ['coherent', 'degraded', 'blind', 'off'];

/** The metrics of the invalidation link. */
export function coherenceMetrics(
  counters: Counters,
  state: () => CoherenceState,
  servers?: () => readonly ServerSource[],
): Scraped[] {
  const samplesFor = (current: CoherenceState): Sample[] =>
    STATES.map((each) => ({ labels: { state: each }, value: each === current ? 1 : 0 }));
  return [
    gauge(
      'cache_coherence_state',
      'Coherence of L1 with Redis: 1 for the current state, 0 for the others.',
      () =>
        servers?.().flatMap(({ name, coherence }) => labelled(name, samplesFor(coherence))) ??
        samplesFor(state()),
    ),
    histogram(
      'cache_coherence_lag_seconds',
      'Time from writing a canary key to its invalidation on the link, in seconds.',
      [[{}, counters.coherenceLagSeconds]],
    ),
    counter(
      'cache_invalidations_total',
      'Invalidations received on the link, by source (tracking, announcement) and reason.',
      () =>
        [...counters.invalidations].flatMap(([source, reasons]) =>
          [...reasons].map(([reason, value]) => ({ labels: { source, reason }, value })),
        ),
    ),
    counter(
      'cache_malformed_announcements_total',
      'Malformed messages on the invalidation channel.',
      () => counters.malformedAnnouncements,
    ),
  ];
}
