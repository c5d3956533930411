/** Defects that clients see: in subscriptions, and at the end of a process. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Server } from '../../src/http/server.ts';
import { Hub } from '../../src/push/hub.ts';
import { OrderedReads } from '../../src/push/ordered-reads.ts';
import { Retries } from '../../src/push/retries.ts';
import { type Mutant, method } from './mutant.ts';

/** As long as a server that drains waits for its clients, and less than any time-out. */
const CLOSING_MS = 500;

export const CLIENTS = {
  'clients receive answers that are older than an own write': method(
    OrderedReads.prototype,
    'read',
    () => async (_key, read, learn) => {
      const answer = await read();
      learn(answer);
      return [answer, true];
    },
  ),

  'a deletion by match removes values that were written while it ran': method(
    Hub.prototype,
    'matchRemoved',
    (original) =>
      function (this: Hub, match, reason) {
        this.changed = (key) => this.learned(key, undefined, reason);
        original.call(this, match, reason);
        Reflect.deleteProperty(this, 'changed');
      },
  ),

  'a failed refresh is not repeated': method(Retries.prototype, 'add', () => () => {}),

  'a stopping instance does not ask its clients to close': method(
    Server.prototype,
    'drain',
    () =>
      async function (this: Server) {
        await sleep(CLOSING_MS);
        this.app.close();
      },
  ),
} as const satisfies Record<string, Mutant>;
