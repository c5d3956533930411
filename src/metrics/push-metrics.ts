import type { Counters } from './counters.ts';
import { counter, gauge, type Scraped } from './scraped.ts';

/** How many there are now. */
export interface PushSources {
  readonly connections: number;
  readonly subscriptions: number;
}

/** The metrics of `/v1/ws`. */
export function pushMetrics(counters: Counters, now: () => PushSources): Scraped[] {
  return [
    gauge('ratecache_ws_connections', 'WebSocket connections now.', () => now().connections),
    gauge('ratecache_ws_subscriptions', 'Subscriptions of all of them.', () => now().subscriptions),
    counter('ratecache_ws_frames_total', 'WebSocket frames received.', () => counters.wsFrames),
    counter('ratecache_ws_events_total', 'Events sent to subscribers.', () => counters.wsPushes),
    counter(
      'ratecache_ws_conflated_total',
      'States that slow consumers were not sent, for newer ones had replaced them.',
      () => counters.wsConflated,
    ),
    counter(
      'ratecache_ws_slow_closes_total',
      'Connections closed with 1013, for their clients did not read.',
      () => counters.wsSlowCloses,
    ),
  ];
}
