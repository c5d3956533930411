/** The costly requests that are quick to send. `costly.long.test.ts` has all of them. */
import { test } from 'node:test';
import { proveBounded } from './costly-cases.ts';
import { COSTLY } from './costly-requests.ts';

for (const costly of COSTLY.filter(({ quick }) => quick))
  test(`a neighbour does not wait for ${costly.name}`, (t) =>
    proveBounded(t, costly, costly.only ?? 'redis'));
