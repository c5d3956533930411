import type { Contender } from '../compare/contender.ts';
import { itemsOf, SMALL } from '../support/data.ts';
import { launch, printedVersion } from './launch.ts';
import { overRedis } from './over-redis.ts';

/** webdis with one thread for its one core. */
const SETTINGS = {
  ...{ redis_host: '127.0.0.1', redis_auth: null, http_host: '127.0.0.1', database: 0 },
  ...{ threads: 1, pool_size: 20, daemonize: false, websockets: false, verbosity: 0, logfile: '/dev/null' },
};

export const webdis: Contender = {
  name: 'webdis',
  title: 'webdis + Redis',
  needs: ['webdis', 'redis-server', 'redis-cli'],
  // Of Redis: webdis itself does not print its version.
  version: () => printedVersion('redis-server', '--version'),
  start: () =>
    overRedis(async (redis) => {
      await redis.cli('MSET', ...itemsOf(SMALL).flatMap(({ key, value }) => [key, value]));
      const settings = JSON.stringify({ ...SETTINGS, redis_port: redis.port, http_port: '@PORT@' });
      const running = await launch({
        program: 'webdis',
        args: (dir) => [`${dir}/webdis.json`],
        // A port is a number.
        files: { 'webdis.json': settings.replace('"@PORT@"', '@PORT@') },
      });
      // With a type the value is sent as it is, and not inside an object of JSON.
      return { ...running, pathOf: (key) => `/GET/${key}?type=application/json` };
    }),
};
