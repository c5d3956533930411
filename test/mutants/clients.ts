/** Defects of what clients see: subscriptions, and the end of a process. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Server } from '../../src/http/server.ts';
import { Hub } from '../../src/push/hub.ts';
import { Retries } from '../../src/push/retries.ts';
import { type Mutant, method } from './mutant.ts';

export const CLIENTS = {
  'clients receive answers that an own write has overtaken': method(
    Hub.prototype,
    'readInOrder',
    (original) =>
      async function (this: Hub, key, question) {
        const [answer] = await original.call(this, key, question);
        return [answer, true];
      },
  ),

  'a match retracts what was written while it ran': method(
    Hub.prototype,
    'matchRemoved',
    (original) =>
      function (this: Hub, match, reason) {
        this.changed = (key) => this.learned(key, undefined, reason);
        original.call(this, match, reason);
        Reflect.deleteProperty(this, 'changed');
      },
  ),

  'a refresh that was not answered is not repeated': method(Retries.prototype, 'add', () => () => {}),

  'a stopping instance does not ask its clients to close': method(
    Server.prototype,
    'drain',
    () =>
      async function (this: Server, timeoutMs) {
        await sleep(timeoutMs);
        this.app.close();
      },
  ),
} as const satisfies Record<string, Mutant>;
