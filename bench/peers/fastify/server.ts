/** What a service in Node would be: Fastify, and behind it the cache that the first argument names. */
import { once } from 'node:events';
import { itemsOf, SMALL } from '../../compare/data.ts';
import { bentocache, fill, layeredLoader, load, type Tiered } from '../tiered.ts';

const DAY_MS = 86_400_000;
const [name, redisPort] = process.argv.slice(2);
const options = { maxEntries: 4000, port: Number(redisPort), l1TtlMs: DAY_MS, lifeMs: DAY_MS };

const cache = await caches()[name!]!();
const items = itemsOf(SMALL);
await fill(
  cache,
  items.map(({ key }) => key),
  items.map(({ value }) => value),
);

const { fastify } = await load('fastify');
const app = fastify();
app.get('/v1/cache/:key', async (request: Request, reply: Reply) => {
  const { key } = request.params;
  const value = cache.peek?.(key) ?? (await cache.get(key));
  if (value === undefined) return reply.code(404).send();
  return reply.type('application/json').send(value);
});
await app.listen({ host: '127.0.0.1', port: 0 });
process.send!({ port: app.server.address().port });
await once(process, 'disconnect');
process.exit();

function caches(): Record<string, () => Promise<Tiered>> {
  return {
    bentocache: () => bentocache(options),
    'layered-loader': () => layeredLoader(options),
    'lru-cache': async () => {
      const { LRUCache } = await load('lru-cache');
      const lru = new LRUCache({ max: options.maxEntries, ttl: DAY_MS });
      return {
        name: 'lru-cache',
        peek: (key) => lru.get(key),
        get: async () => undefined,
        set: async (key, value) => lru.set(key, value),
        close: () => {},
      };
    },
  };
}

// Fastify's own types are in a package that the rest of the project does not have.
interface Request {
  readonly params: { readonly key: string };
}
interface Reply {
  code(status: number): Reply;
  type(type: string): Reply;
  send(body?: string): Reply;
}
