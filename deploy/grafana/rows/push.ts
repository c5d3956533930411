import { graph } from '../panels.ts';
import { metric, rate } from '../queries.ts';

/** WebSocket and server-sent events. */
export const push = {
  title: 'Push',
  panels: [
    graph({
      title: 'Connections and subscriptions',
      queries: [
        [metric('ratecache_ws_connections'), '{{instance}} {{process}} connections'],
        [metric('ratecache_event_streams'), '{{instance}} {{process}} event streams'],
        [metric('ratecache_ws_subscriptions'), '{{instance}} subscriptions'],
      ],
    }),
    graph({
      title: 'Frames received, events sent',
      queries: [
        [`sum (${rate('ratecache_ws_frames_total')})`, 'frames'],
        [`sum (${rate('ratecache_ws_events_total')})`, 'events'],
      ],
      unit: 'ops',
    }),
    graph({
      title: 'Slow consumers',
      queries: [
        [`sum (${rate('ratecache_ws_conflated_total')})`, 'states replaced by newer states'],
        [`sum (${rate('ratecache_ws_slow_closes_total')})`, 'connections closed'],
      ],
      unit: 'ops',
    }),
  ],
};
