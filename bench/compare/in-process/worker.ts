/** The process of a library: keeps so many of one operation under way, as a server with as many requests would. */
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { histogram } from '../../../loadtest/support/recorder.ts';
import type { Work, Worked } from '../../peers/peer.ts';
import { fill, ratecache } from '../../peers/tiered.ts';
import { itemsOf, MANY } from '../data.ts';

type Operation = (i: number) => Promise<unknown>;

/** What LOCAL_CACHE_MAX_SIZE is by default; the keys are many more, and are read in turn. */
const L1_ENTRIES = 1000;
const TTL_MS = 86_400_000;

const port = Number(process.argv[2]);
const items = itemsOf(MANY);
const key = (i: number) => items[i % items.length]!.key;
const value = (i: number) => items[i % items.length]!.value;

const redis = new Redis({ port, protocol: 2 });
await once(redis, 'ready');
const cache = await ratecache({ maxEntries: L1_ENTRIES, port });
await fill(
  cache,
  items.map((item) => item.key),
  items.map((item) => item.value),
);
for (let i = 0; i < items.length; i += L1_ENTRIES) {
  const pairs = items.slice(i, i + L1_ENTRIES).flatMap((item) => [item.key, item.value]);
  await redis.mset(pairs);
}

const OPERATIONS: Readonly<Record<string, Operation>> = {
  'ratecache load': async (i) => present(await cache.get(key(i))),
  'ioredis getBuffer': async (i) => present(await redis.getBuffer(key(i))),
  'ioredis mgetBuffer a turn': async (i) => present(await readInTurn(key(i))),
  'ioredis set': (i) => redis.set(key(i), value(i), 'PX', TTL_MS),
};

process.on('message', async (work: Work) => {
  process.send!(await workAt(work));
});
process.send!({ ready: true });
process.once('disconnect', () => process.exit());

async function workAt({ op, concurrency, ms }: Work): Promise<Worked> {
  const operation = OPERATIONS[op]!;
  const latencies = histogram();
  const started = performance.now();
  const end = started + ms;
  let operations = 0;
  const loop = async () => {
    for (let now = performance.now(); now < end; ) {
      await operation(operations++);
      const after = performance.now();
      latencies.recordValue(Math.max(1, Math.round((after - now) * 1000)));
      now = after;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, loop));
  const seconds = (performance.now() - started) / 1000;
  return { operations, seconds, p50Us: latencies.getValueAtPercentile(50) };
}

function present<T>(found: T | null | undefined): T {
  if (found === null || found === undefined) throw new Error('a key is not there');
  return found;
}

type Waiting = {
  readonly key: string;
  readonly found: (value: Buffer | null) => void;
  readonly failed: (error: unknown) => void;
};
let waiting: Waiting[] = [];

/** What is asked for in one turn of the event loop goes out as one MGET. */
function readInTurn(wanted: string): Promise<Buffer | null> {
  return new Promise((found, failed) => {
    if (waiting.length === 0) process.nextTick(readWaiting);
    waiting.push({ key: wanted, found, failed });
  });
}

async function readWaiting(): Promise<void> {
  const batch = waiting;
  waiting = [];
  try {
    const values = await redis.mgetBuffer(batch.map((each) => each.key));
    for (const [i, each] of batch.entries()) each.found(values[i]!);
  } catch (error) {
    for (const each of batch) each.failed(error);
  }
}
