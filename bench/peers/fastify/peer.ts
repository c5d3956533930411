import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { startRedis } from '../../../loadtest/target/redis-server.ts';
import { forkServer } from '../launch.ts';
import { cachePath, type Peer } from '../peer.ts';

const SERVER = new URL('server.ts', import.meta.url);
const PACKAGES = fileURLToPath(new URL('../node_modules/', import.meta.url));

export const fastifyBentocache = withCache('bentocache', true);
export const fastifyLayeredLoader = withCache('layered-loader', true);
export const fastifyLruCache = withCache('lru-cache', false);

/** @param hasRedis whether the cache has a second level, which is Redis */
function withCache(cache: string, hasRedis: boolean): Peer {
  return {
    name: `fastify-${cache}`,
    title: `Fastify, ${cache}`,
    needs: [`${PACKAGES}fastify`, `${PACKAGES}${cache}`, ...(hasRedis ? ['redis-server', 'redis-cli'] : [])],
    version: () => [versionOf('fastify'), versionOf(cache)].join(' + '),
    start: async () => {
      const redis = hasRedis ? await startRedis() : undefined;
      // What Node runs in production with; Fastify's documents ask for it.
      const env = { ...process.env, NODE_ENV: 'production' };
      const args = [cache, String(redis?.port ?? 0)];
      const server = await forkServer<{ port: number }>(SERVER, args, env).catch(async (error: unknown) => {
        await redis?.stop();
        throw error;
      });
      return {
        port: server.told.port,
        pids: redis === undefined ? [server.pid] : [server.pid, redis.pid],
        pathOf: cachePath,
        stop: async () => {
          await server.stop();
          await redis?.stop();
        },
      };
    },
  };
}

function versionOf(name: string): string | undefined {
  try {
    return JSON.parse(readFileSync(`${PACKAGES}${name}/package.json`, 'utf8')).version;
  } catch {
    return undefined;
  }
}
