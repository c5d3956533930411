import type { CoherenceState } from '../cache/bus.ts';
import type { Counters } from './counters.ts';
import { counter, gauge, histogram, type Scraped } from './scraped.ts';

const STATES: readonly CoherenceState[] = ['coherent', 'degraded', 'blind', 'off'];

/** The metrics of the invalidation link. */
export function coherenceMetrics(counters: Counters, state: () => CoherenceState): Scraped[] {
  return [
    gauge(
      'cache_coherence_state',
      'What readers may rely on: 1 for the state that holds, 0 for the others.',
      () => STATES.map((each) => ({ labels: { state: each }, value: each === state() ? 1 : 0 })),
    ),
    histogram(
      'cache_coherence_lag_seconds',
      'Time of a canary from this process through Redis and back by the invalidation link.',
      [[{}, counters.coherenceLagSeconds]],
    ),
    counter(
      'cache_invalidations_total',
      'Invalidations heard on the link, by source (tracking, announcement) and reason.',
      () =>
        [...counters.invalidations].flatMap(([source, reasons]) =>
          [...reasons].map(([reason, value]) => ({ labels: { source, reason }, value })),
        ),
    ),
    counter(
      'cache_malformed_announcements_total',
      'Messages on the invalidation channel that could not be understood.',
      () => counters.malformedAnnouncements,
    ),
  ];
}
