/** Readers and writers of the replicas, each with a separate connection. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, type Dispatcher } from 'undici';
import { below, pick, type Random } from '../../loadtest/support/random.ts';
import type { Service } from '../../loadtest/target/service.ts';
import { connectWs, type WsClient } from '../support/ws-client.ts';
import type { History, Op, Read } from './history.ts';
import { DELETABLE_PATTERN, HOT_KEYS, KEYS } from './keys.ts';

export interface ActorDeps {
  readonly history: History;
  readonly random: Random;
  readonly stopped: () => boolean;
}

const JSON_HEADERS = { 'content-type': 'application/json' };
const pathOf = (key: string) => `/v1/cache/${encodeURIComponent(key)}`;

/** Reads keys one after another by GET, by mget and by WebSocket. */
export async function readAll(service: Service, replica: number, deps: ActorDeps): Promise<void> {
  const { history, random, stopped } = deps;
  const key = () => pick(random() < 0.4 ? HOT_KEYS : KEYS.cold, random);
  const ws = await connectWs(service);
  await withClient(service, async (client) => {
    while (!stopped()) {
      const chance = random();
      if (chance < 0.7) history.reads.push(...(await readOne(client, replica, key())));
      else if (chance < 0.9)
        history.reads.push(...(await readMany(client, replica, [key(), key(), key(), key()])));
      else history.reads.push(...(await readByWebSocket(ws, replica, key())));
    }
  });
  ws.close();
}

/** Writes and deletes keys by every endpoint, one at a time, with a pause in between. */
export async function writeAll(
  service: Service,
  replica: number,
  deps: ActorDeps,
  restMs: number,
): Promise<void> {
  const { random, stopped } = deps;
  const plain = [...KEYS.shared, ...KEYS.deletable, ...KEYS.mixed];
  await withClient(service, async (client) => {
    const writer = { ...deps, client, replica };
    while (!stopped()) {
      const chance = random();
      if (chance < 0.35) await put(writer, pick(plain, random));
      else if (chance < 0.55) await put(writer, pick(KEYS.cold, random));
      else if (chance < 0.75) await mset(writer);
      else if (chance < 0.9) await compareAndSet(writer, pick(KEYS.shared, random));
      else if (chance < 0.97) await remove(writer, pick(KEYS.deletable, random));
      else await invalidate(writer);
      await sleep(random() * 2 * restMs);
    }
  });
}

interface Writer extends ActorDeps {
  readonly client: Client;
  readonly replica: number;
}

/** Reads a key. Returns no read if the answer does not show the state of the key. */
export async function readOne(client: Client, replica: number, key: string): Promise<Read[]> {
  const start = performance.now();
  const answer = await send(client, { method: 'GET', path: pathOf(key) });
  const end = performance.now();
  if (answer === undefined || (answer.status !== 200 && answer.status !== 404)) return [];
  const status = String(answer.headers['cache-status']);
  const coherence = (/coherence=(\w+)/.exec(status)?.[1] ?? '') as Read['coherence'];
  const marked = status.includes('detail=');
  if (answer.status === 404 && marked) return [];
  const { n } = answer.status === 200 ? JSON.parse(answer.body) : { n: 0 };
  return [{ replica, key, n, version: versionOf(answer), start, end, coherence, marked }];
}

interface Item {
  readonly key: string;
  readonly status: string;
  readonly code?: string;
  readonly value?: { readonly n: number };
  readonly version?: string;
}

async function readMany(client: Client, replica: number, keys: readonly string[]): Promise<Read[]> {
  const start = performance.now();
  const answer = await send(client, {
    method: 'POST',
    path: '/v1/mget',
    headers: JSON_HEADERS,
    body: JSON.stringify({ keys }),
  });
  const end = performance.now();
  if (answer?.status !== 200) return [];
  const { results } = JSON.parse(answer.body) as { results: Item[] };
  return results.flatMap((item) => readOf(item, replica, start, end, ''));
}

async function readByWebSocket(ws: WsClient, replica: number, key: string): Promise<Read[]> {
  const start = performance.now();
  const answer = await ws.request('get', { key });
  const end = performance.now();
  return answer.ok ? readOf(answer as unknown as Item, replica, start, end, answer.coherence ?? '') : [];
}

function readOf(
  { key, status, code, value, version }: Item,
  replica: number,
  start: number,
  end: number,
  coherence: Read['coherence'],
): Read[] {
  const marked = code !== undefined;
  if (status === 'error' || (status === 'miss' && marked)) return [];
  return [{ replica, key, n: value?.n ?? 0, version, start, end, coherence, marked }];
}

async function put(writer: Writer, key: string, condition: Record<string, string> = {}): Promise<void> {
  const { history, client, replica } = writer;
  const op = history.begin(key, 'write', performance.now(), replica);
  const answer = await send(client, {
    method: 'PUT',
    path: pathOf(key),
    headers: { ...JSON_HEADERS, ...condition },
    body: JSON.stringify({ n: op.n }),
  });
  settle(op, answer, versionOf(answer));
}

async function compareAndSet(writer: Writer, key: string): Promise<void> {
  const answer = await send(writer.client, { method: 'GET', path: pathOf(key) });
  if (answer === undefined) return;
  const version = versionOf(answer);
  const condition: Record<string, string> =
    version === undefined ? { 'if-none-match': '*' } : { 'if-match': `"${version}"` };
  await put(writer, key, condition);
}

async function remove({ history, client, replica }: Writer, key: string): Promise<void> {
  const op = history.begin(key, 'delete', performance.now(), replica);
  settle(op, await send(client, { method: 'DELETE', path: pathOf(key) }), undefined);
}

async function invalidate({ history, client, replica }: Writer): Promise<void> {
  const start = performance.now();
  const ops = KEYS.deletable.map((key) => history.begin(key, 'delete', start, replica));
  const answer = await send(client, {
    method: 'POST',
    path: '/v1/invalidate',
    headers: JSON_HEADERS,
    body: JSON.stringify({ pattern: DELETABLE_PATTERN }),
  });
  for (const op of ops) settle(op, answer, undefined);
}

async function mset({ history, random, client, replica }: Writer): Promise<void> {
  const start = performance.now();
  const keys = [...KEYS.shared, ...KEYS.deletable, ...KEYS.mixed].filter(() => random() < 0.4);
  keys.push(pick(KEYS.cold, random));
  const ops = keys.map((key) => history.begin(key, 'write', start, replica));
  const entries = ops.map(({ key, n }) => ({ key, value: { n } }));
  const answer = await send(client, {
    method: 'POST',
    path: '/v1/mset',
    headers: JSON_HEADERS,
    body: JSON.stringify({ entries }),
  });
  if (answer?.status !== 200) return;
  const end = performance.now();
  const { results } = JSON.parse(answer.body) as { results: MsetResult[] };
  results.forEach(({ status, code, version }, i) => {
    if (status !== 'stored') return;
    // A result with a code is pending, like a 202.
    Object.assign(ops[i]!, code === undefined ? { end, version } : { pendingFrom: end, version });
  });
}

interface MsetResult {
  readonly status: string;
  readonly code?: string;
  readonly version?: string;
}

function settle(op: Op, answer: Answer | undefined, version: string | undefined): void {
  if (answer?.status === 412) op.refused = true;
  // After a 202 or an error it is unknown whether and when the change takes effect in Redis.
  if (answer?.status === 202) Object.assign(op, { pendingFrom: performance.now(), version });
  if (answer === undefined || ![200, 201, 204].includes(answer.status)) return;
  op.end = performance.now();
  op.version = version;
}

interface Answer {
  readonly status: number;
  readonly headers: Dispatcher.ResponseData['headers'];
  readonly body: string;
}

/** Returns undefined if no answer came. */
async function send(
  client: Client,
  options: Omit<Dispatcher.RequestOptions, 'origin'>,
): Promise<Answer | undefined> {
  try {
    const { statusCode, headers, body } = await client.request(options);
    return { status: statusCode, headers, body: await body.text() };
  } catch {
    await sleep(5);
    return undefined;
  }
}

function versionOf(answer: Answer | undefined): string | undefined {
  const etag = answer?.headers.etag;
  return typeof etag === 'string' ? etag.slice(1, -1) : undefined;
}

export async function withClient<T>(service: Service, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client(service.url);
  try {
    return await use(client);
  } finally {
    await client.destroy();
  }
}

/** A separate seed for each actor, so that no actor changes the random numbers of another actor. */
export function seedOf(random: Random): number {
  return below(2 ** 31, random);
}
