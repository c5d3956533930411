import type { Counters } from './counters.ts';
import { counter, gauge, type Scraped } from './scraped.ts';

/** The current numbers. */
export interface PushSources {
  readonly connections: number;
  readonly streams: number;
  readonly subscriptions: number;
}

/** The metrics of `/v1/ws` and `/v1/events`. */
export function pushMetrics(counters: Counters, now: () => PushSources): Scraped[] {
  return [
    gauge('ratecache_ws_connections', 'Open WebSocket connections.', () => now().connections),
    gauge('ratecache_event_streams', 'Open event streams (server-sent events).', () => now().streams),
    gauge(
      'ratecache_ws_subscriptions',
      'Subscriptions of all WebSocket connections and event streams.',
      () => now().subscriptions,
    ),
    counter('ratecache_ws_frames_total', 'WebSocket frames received.', () => counters.wsFrames),
    counter('ratecache_ws_events_total', 'Events sent to subscribers.', () => counters.wsPushes),
    counter(
      'ratecache_ws_conflated_total',
      'States that were not sent to slow consumers because newer states replaced them.',
      () => counters.wsConflated,
    ),
    counter(
      'ratecache_ws_slow_closes_total',
      'Connections closed with 1013 because the client did not read.',
      () => counters.wsSlowCloses,
    ),
  ];
}
