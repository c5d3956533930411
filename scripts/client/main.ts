/** `make client`: dist/npm/ratecache-client-VERSION.tgz, which installs with npm and needs no other package. */
import { packClient } from './pack.ts';

try {
  const file = await packClient(new URL('../../dist/npm/', import.meta.url));
  console.log(`${file}: install it with npm install ${file}`);
} catch (error) {
  console.error(`the client was not built: ${(error as Error).message}`);
  process.exitCode = 1;
}
