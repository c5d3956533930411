import { json } from '../../src/client/codec.ts';
import { settingsOf } from '../../src/client/options.ts';
import type { SocketFactory } from '../../src/client/socket.ts';
import { WsClient } from '../../src/client/ws-client.ts';
import type { Frame } from '../../src/push/codec.ts';
import { awaited, group, sync } from '../suites/suite.ts';
import { quotes } from '../support/cache.ts';
import { freshKeyStream, joinedKeyStream, keyStream } from '../support/zipf.ts';

const SIZES = [
  [1000, '1k'],
  [20_000, '20k'],
] as const;
const VERSION = '018bcfe5680000005f0c2a17';
/** Longer than any run, so that the near cache trusts the first heartbeat for all of it. */
const LONG_MS = 1e9;

export default SIZES.map(([size, label]) =>
  group(`near cache of ${label} entries`, async () => {
    const items = quotes(size);
    const keys = items.map(({ key }) => key);
    const map = new Map(items.map(({ key, value }) => [key, value]));
    const client = await filled(keys);
    const present = keyStream(keys);
    const joined = joinedKeyStream(keys);
    const fresh = freshKeyStream(keys);
    return {
      reference: 'Map',
      benchmarks: [
        sync('Map', (i) => map.get(present(i))!.length),
        sync('peek', (i) => client.peek(present(i))!.key.length),
        awaited('get', async (i) => (await client.get(present(i))).key.length),
        sync('performance.now', () => performance.now()),
        sync('a key joined of type and id', (i) => joined(i).length),
        sync('Map, key joined', (i) => map.get(joined(i))!.length),
        sync('peek, key joined', (i) => client.peek(joined(i))!.key.length),
        awaited('get, key joined', async (i) => (await client.get(joined(i))).key.length),
        sync('Map, key read from a buffer', (i) => map.get(fresh(i))!.length),
        sync('peek, key read from a buffer', (i) => client.peek(fresh(i))!.key.length),
      ],
      close: () => client.close(),
    };
  }),
);

/** A client of a service that has a value for every key, and never sends anything else. */
async function filled(keys: readonly string[]): Promise<WsClient> {
  const nearCache = { maxEntries: keys.length, keysPerType: keys.length };
  const settings = settingsOf(
    { nearCache, maxSilenceMs: LONG_MS, timeoutMs: 60_000, maxInFlight: keys.length },
    json,
  );
  const client = new WsClient([new URL('ws://service/v1/ws')], settings, service);
  await client.connect();
  await client.getMany(keys);
  return client;
}

const service: SocketFactory = Object.assign(
  (_: Parameters<SocketFactory>[0], { open, message }: Parameters<SocketFactory>[1]) => {
    setImmediate(open);
    const answer = (frame: object) => message(JSON.stringify(frame));
    return {
      send(text: string | Uint8Array) {
        const { id, op, keys = [] } = JSON.parse(String(text)) as Frame['data'] & { keys?: string[] };
        const item = (key: string) => ({ key, version: VERSION, ttl: LONG_MS, value: { rate: 0.25 } });
        setImmediate(() => {
          answer({ id, ok: true, ...(op === 'subscribe' ? { snapshot: keys.map(item) } : {}) });
          if (op === 'heartbeat') answer({ event: 'heartbeat', coherence: 'coherent', time: Date.now() });
        });
      },
      end() {},
    };
  },
  { sendsToken: true },
);
