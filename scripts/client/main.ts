/** `make client`: dist/npm/ratecache-client-VERSION.tgz, which installs with npm and needs no other package. */
import { packClient } from './pack.ts';

try {
  await packClient(new URL('../../dist/npm/', import.meta.url));
} catch (error) {
  console.error(`the client was not built: ${(error as Error).message}`);
  process.exitCode = 1;
}
