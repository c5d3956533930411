import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { startRedis } from '../../../test/support/redis-server.ts';
import { tether } from '../../../test/support/tether.ts';
import { cachePath, type Peer } from '../peer.ts';

const SERVER = fileURLToPath(new URL('server.ts', import.meta.url));
const PACKAGES = fileURLToPath(new URL('../node_modules/', import.meta.url));
const START_TIMEOUT_MS = 20_000;

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
      const child = fork(SERVER, [cache, String(redis?.port ?? 0)], {
        execArgv: [],
        // What Node runs in production with; Fastify's documents ask for it.
        env: { ...process.env, NODE_ENV: 'production' },
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      });
      tether(child);
      const stop = async () => {
        const exited = once(child, 'exit');
        child.kill('SIGKILL');
        await exited;
        await redis?.stop();
      };
      try {
        const signal = AbortSignal.timeout(START_TIMEOUT_MS);
        const [{ port }] = await once(child, 'message', { signal });
        const pids = redis === undefined ? [child.pid!] : [child.pid!, redis.pid];
        return { port, pids, pathOf: cachePath, stop };
      } catch (error) {
        await stop();
        throw error;
      }
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
