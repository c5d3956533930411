import { writeFileSync } from 'node:fs';
import { dashboard } from './dashboard.ts';

writeFileSync(
  new URL('cache-service.json', import.meta.url),
  `${JSON.stringify(dashboard(), undefined, 2)}\n`,
);
