import { answerParent } from '../support/child.ts';
import { itemsOf, SMALL } from '../support/data.ts';
import { load } from './tiered.ts';

const { LRUCache } = await load('lru-cache');
const cache = new LRUCache({ max: 4000, ttl: 86_400_000 });
for (const { key, value } of itemsOf(SMALL)) cache.set(key, value);

const { fastify } = await load('fastify');
const app = fastify();
// biome-ignore lint/suspicious/noExplicitAny: the root project does not have Fastify's types
app.get('/v1/cache/:key', async (request: any, reply: any) => {
  const value = cache.get(request.params.key);
  if (value === undefined) return reply.code(404).send();
  return reply.type('application/json').send(value);
});
await app.listen({ host: '127.0.0.1', port: 0 });
answerParent(() => ({}), { port: app.server.address().port });
