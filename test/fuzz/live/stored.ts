import { below, pick } from '../../../loadtest/support/random.ts';
import { frame, RawWs } from '../../../loadtest/support/raw-ws.ts';
import type { ApiRequest } from '../grammar/bodies.ts';
import { storedValue } from '../grammar/envelopes.ts';
import { int, list, literal, map, str } from '../grammar/models.ts';
import { jsonOf, msgpackOf } from '../grammar/values.ts';
import { type LiveKind, type Source, shown } from '../kind.ts';
import { Api } from './api.ts';
import { inLanes } from './lanes.ts';
import { PREFIX, type Target } from './target.ts';

const NONE = Buffer.alloc(0);
const JSON_TYPE = 'Content-Type: application/json';

/** Values that another program wrote under the prefix. The service reads, lists, replaces and deletes them. */
export const stored: LiveKind = {
  name: 'stored',
  decodes: false,
  show: (source) => shown(storedValue(source)),
  async send(target, batch) {
    const subscribers = await Promise.all(['json', 'msgpack'].map((each) => subscribe(target, each)));
    await inLanes(batch, () => {
      const api = new Api(target.service.port);
      return {
        async send(source) {
          const key = `borrow_rate:${source.index}`;
          await store(target, PREFIX + key, source);
          for (const request of requestsFor(key, source)) await api.request(request);
          await target.redis.del(PREFIX + key);
        },
        close: () => api.close(),
      };
    });
    for (const { socket, fault } of subscribers) {
      socket.close();
      if (fault !== undefined) throw fault;
    }
  },
};

interface Subscriber {
  readonly socket: RawWs;
  fault: Error | undefined;
}

/** A client that receives every value of a batch. */
async function subscribe({ service }: Target, encoding: string): Promise<Subscriber> {
  const subscriber: Subscriber = {
    socket: await RawWs.open(service.port, `ratecache.v1.${encoding}`),
    fault: undefined,
  };
  const { socket } = subscriber;
  socket.onGone = () => {
    subscriber.fault = new Error('the service closed the socket of a subscriber');
  };
  const answered = new Promise<void>((resolve) => {
    socket.onFrame = () => resolve();
  });
  const request = map([
    ['id', int(1)],
    ['op', str('subscribe')],
    ['prefixes', list([str('borrow_rate:')])],
    ['values', literal(true)],
  ]);
  socket.sendFrame(frame(encoding === 'json' ? jsonOf(request, () => 0).toString() : msgpackOf(request)));
  await answered;
  return subscriber;
}

async function store({ redis }: Target, name: string, source: Source): Promise<void> {
  const value = storedValue(source);
  const { random } = source;
  switch (below(20, random)) {
    case 0:
      await redis.rpush(name, value);
      break;
    case 1:
      await redis.hset(name, 'a', value);
      break;
    case 2:
    case 3:
      await redis.set(name, value, 'PX', 60_000);
      break;
    default:
      await redis.set(name, value);
  }
}

/** Reads from both tiers in both encodings, and a change of any kind. */
function requestsFor(key: string, { random }: Source): ApiRequest[] {
  const target = `/v1/cache/${key}`;
  const read = (type: string): ApiRequest => ({
    method: 'GET',
    target,
    headers: [`Accept: ${type}`],
    body: NONE,
  });
  const batch = (headers: string[]): ApiRequest => ({
    method: 'POST',
    target: '/v1/mget',
    headers: [JSON_TYPE, ...headers],
    body: Buffer.from(JSON.stringify({ keys: [key, 'a'] })),
  });
  const put = (headers: string[]): ApiRequest => ({
    method: 'PUT',
    target,
    headers: [JSON_TYPE, ...headers],
    body: Buffer.from('1'),
  });
  return [
    read('application/json'),
    read('application/vnd.msgpack'),
    batch([]),
    batch(['Accept: application/vnd.msgpack']),
    pick(
      [
        put([]),
        put(['If-None-Match: *']),
        put(['If-Match: "000000000000000000000000"']),
        { method: 'DELETE', target, headers: [], body: NONE },
        { method: 'GET', target: '/v1/keys?limit=1000', headers: [], body: NONE },
      ],
      random,
    ),
  ];
}
