/** Every costly request, with Redis and standalone. */
import { test } from 'node:test';
import { proveBounded } from './costly-cases.ts';
import { COSTLY } from './costly-requests.ts';

for (const costly of COSTLY)
  for (const kind of ['redis', 'standalone'] as const)
    if (costly.only === undefined || costly.only === kind)
      test(`a neighbour does not wait for ${costly.name} (${kind})`, (t) => proveBounded(t, costly, kind));
