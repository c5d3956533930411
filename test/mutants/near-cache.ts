/** Defects of the near cache of the TypeScript client. */
import { Flights } from '../../src/client/flights.ts';
import { NearCache } from '../../src/client/near-cache.ts';
import { Trust } from '../../src/client/trust.ts';
import { WsClient } from '../../src/client/ws-client.ts';
import { all, type Mutant, method } from './mutant.ts';

export const NEAR_CACHE = {
  'a reset leaves the entries in the near cache': method(
    WsClient.prototype,
    'event',
    (original) =>
      function (this: WsClient, event) {
        if (event.event !== 'reset') original.call(this, event);
      },
  ),

  'an entry of the near cache is served while its watch is dead': all(
    method(NearCache.prototype, 'distrustAll', () => () => {}),
    method(Trust.prototype, 'lose', () => () => {}),
    method(
      Trust.prototype,
      'onHeartbeat',
      (original) =>
        function (this: Trust, beat, now) {
          original.call(this, beat, now);
          this.until = Number.POSITIVE_INFINITY;
        },
    ),
  ),

  'the near cache stores an answer that an event has overtaken': method(
    Flights.prototype,
    'overtake',
    () => () => {},
  ),
} as const satisfies Record<string, Mutant>;
