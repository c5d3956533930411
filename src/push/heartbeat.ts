/** `heartbeat`: events at a fixed interval, so that a client notices a half-open connection and a lesser state. */
import type { CoherenceState } from '../cache/bus.ts';
import type { TwoLevel } from '../cache/two-level.ts';
import { ServiceError } from '../errors.ts';
import type { Frame, RequestId } from './codec.ts';
import type { Consumer } from './consumer.ts';
import type { RequestDeps } from './deps.ts';

/** The shortest and the longest interval, in ms. */
const SHORTEST_MS = 100;
const LONGEST_MS = 60_000;

export function heartbeat(deps: RequestDeps, consumer: Consumer, id: RequestId, { data }: Frame): void {
  const interval = intervalOf(data);
  consumer.reply(consumer.codec.done(id, { interval }));
  startHeartbeat(deps, consumer, interval);
}

/** Sends a heartbeat now, and then at every interval. */
export function startHeartbeat(deps: RequestDeps, consumer: Consumer, interval: number): void {
  const { cache, clock, hub } = deps;
  consumer.beat(interval, () => {
    // The heartbeat must not overtake the states of this turn.
    hub.flush();
    if (!consumer.isPaced) consumer.position = hub.history.position;
    const time = Math.round(clock.now);
    return consumer.codec.heartbeat({ coherence: stateOf(cache), time, ...consumer.position! });
  });
}

/** Without Redis, this process makes all changes itself, and so knows all of them. */
function stateOf(cache: TwoLevel): CoherenceState {
  return cache.store === undefined ? 'coherent' : cache.coherence;
}

function intervalOf({ interval }: Frame['data']): number {
  if (!Number.isSafeInteger(interval) || Number(interval) < SHORTEST_MS || Number(interval) > LONGEST_MS)
    throw new ServiceError(
      'frame_invalid',
      `expected an interval of ${SHORTEST_MS} to ${LONGEST_MS} ms`,
      'interval',
    );
  return interval as number;
}
