import type { Quality } from '../cache/quality/quality.ts';
import { gauge, type Scraped } from './scraped.ts';

/** The metrics of sources and marks. Every replica reports the same. */
export function qualityMetrics({ quality }: { readonly quality: Quality }): Scraped[] {
  return [
    gauge(
      'cache_dead_sources',
      'Sources whose heartbeats stopped, so that their values are suspect.',
      () => quality.deadSources,
    ),
    gauge('cache_marks', 'Marks that are in force, by state.', () =>
      (['suspect', 'halted'] as const).map((state) => ({
        labels: { state },
        value: quality.marks.filter((mark) => mark.state === state).length,
      })),
    ),
  ];
}
