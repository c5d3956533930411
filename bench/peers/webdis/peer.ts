import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { freePort, startRedis } from '../../../loadtest/target/redis-server.ts';
import { itemsOf, SMALL } from '../../compare/data.ts';
import { launch, printedVersion, scratch } from '../launch.ts';
import type { Peer } from '../peer.ts';

export const webdis: Peer = {
  name: 'webdis',
  title: 'webdis + Redis',
  needs: ['webdis', 'redis-server', 'redis-cli'],
  // Of Redis: webdis itself takes no option that would tell.
  version: () => printedVersion('redis-server', '--version'),
  start: async () => {
    const dir = await scratch();
    const redis = await startRedis();
    try {
      await redis.cli('MSET', ...itemsOf(SMALL).flatMap(({ key, value }) => [key, value]));
      const port = await freePort();
      const settings = JSON.parse(readFileSync(new URL('webdis.json', import.meta.url), 'utf8'));
      const conf = { ...settings, redis_port: redis.port, http_port: port };
      await writeFile(`${dir.path}/webdis.json`, JSON.stringify(conf));
      const server = await launch('webdis', [`${dir.path}/webdis.json`], port, dir.path);
      return {
        port,
        pids: [server.pid, redis.pid],
        // With a type the value is sent as it is, and not inside an object of JSON.
        pathOf: (key) => `/GET/${key}?type=application/json`,
        stop: async () => {
          await server.stop();
          await redis.stop();
          await dir.remove();
        },
      };
    } catch (error) {
      await redis.stop();
      throw error;
    }
  },
};
