/** Those who read and write through the replicas, each with a connection of its own. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, type Dispatcher } from 'undici';
import { below, pick, type Random } from '../support/random.ts';
import type { Service } from '../support/service.ts';
import type { History, Op, Read } from './history.ts';
import { HOT_KEYS, KEYS } from './keys.ts';

export interface ActorParts {
  readonly history: History;
  readonly random: Random;
  readonly stopped: () => boolean;
}

const JSON_HEADERS = { 'content-type': 'application/json' };
const pathOf = (key: string) => `/v1/cache/${encodeURIComponent(key)}`;

/** Reads keys as fast as it is answered. */
export async function readAll(service: Service, replica: number, parts: ActorParts): Promise<void> {
  const { history, random, stopped } = parts;
  await withClient(service, async (client) => {
    while (!stopped()) {
      const key = pick(random() < 0.4 ? HOT_KEYS : KEYS.cold, random);
      const read = await readOne(client, replica, key);
      if (read !== undefined) history.reads.push(read);
    }
  });
}

/** Writes keys in every way there is, one at a time, with a rest in between. */
export async function writeAll(service: Service, parts: ActorParts, restMs: number): Promise<void> {
  const { random, stopped } = parts;
  await withClient(service, async (client) => {
    while (!stopped()) {
      const chance = random();
      if (chance < 0.35) await put(client, parts, pick([...KEYS.shared, ...KEYS.deletable], random));
      else if (chance < 0.55) await put(client, parts, pick(KEYS.cold, random));
      else if (chance < 0.75) await mset(client, parts);
      else if (chance < 0.9) await compareAndSet(client, parts, pick(KEYS.shared, random));
      else await remove(client, parts, pick(KEYS.deletable, random));
      await sleep(random() * 2 * restMs);
    }
  });
}

/** Reads a key; undefined where nothing was learned of it. */
export async function readOne(client: Client, replica: number, key: string): Promise<Read | undefined> {
  const start = performance.now();
  const answer = await ask(client, { method: 'GET', path: pathOf(key) });
  const end = performance.now();
  if (answer === undefined || (answer.status !== 200 && answer.status !== 404)) return undefined;
  const status = String(answer.headers['cache-status']);
  const coherence = (/coherence=(\w+)/.exec(status)?.[1] ?? '') as Read['coherence'];
  // L1 answered because L2 did not.
  const fallback = /detail="?l2-/.test(status);
  if (answer.status === 404 && fallback) return undefined;
  const { n } = answer.status === 200 ? JSON.parse(answer.body) : { n: 0 };
  return { replica, key, n, version: versionOf(answer), start, end, coherence, fallback };
}

async function put(
  client: Client,
  { history }: ActorParts,
  key: string,
  condition: Record<string, string> = {},
): Promise<void> {
  const op = history.begin(key, 'write', performance.now());
  const answer = await ask(client, {
    method: 'PUT',
    path: pathOf(key),
    headers: { ...JSON_HEADERS, ...condition },
    body: JSON.stringify({ n: op.n }),
  });
  settle(op, answer, versionOf(answer));
}

async function compareAndSet(client: Client, parts: ActorParts, key: string): Promise<void> {
  const answer = await ask(client, { method: 'GET', path: pathOf(key) });
  if (answer === undefined) return;
  const version = versionOf(answer);
  await put(
    client,
    parts,
    key,
    version === undefined ? { 'if-none-match': '*' } : { 'if-match': `"${version}"` },
  );
}

async function remove(client: Client, { history }: ActorParts, key: string): Promise<void> {
  const op = history.begin(key, 'delete', performance.now());
  settle(op, await ask(client, { method: 'DELETE', path: pathOf(key) }), undefined);
}

async function mset(client: Client, { history, random }: ActorParts): Promise<void> {
  const start = performance.now();
  const keys = [...KEYS.shared, ...KEYS.deletable].filter(() => random() < 0.4);
  keys.push(pick(KEYS.cold, random));
  const ops = keys.map((key) => history.begin(key, 'write', start));
  const entries = ops.map(({ key, n }) => ({ key, value: { n } }));
  const answer = await ask(client, {
    method: 'POST',
    path: '/v1/mset',
    headers: JSON_HEADERS,
    body: JSON.stringify({ entries }),
  });
  if (answer?.status !== 200) return;
  const end = performance.now();
  const { results } = JSON.parse(answer.body) as { results: MsetResult[] };
  results.forEach(({ status, code, version }, i) => {
    // With a code it is kept to be made in L2 later, as a 202 is; of anything else nobody knows whether L2 has it.
    if (status === 'stored' && code === undefined) Object.assign(ops[i]!, { end, version });
  });
}

interface MsetResult {
  readonly status: string;
  readonly code?: string;
  readonly version?: string;
}

function settle(op: Op, answer: Answer | undefined, version: string | undefined): void {
  if (answer?.status === 412) op.refused = true;
  // 202 and all faults: whether and when it takes effect nobody knows.
  if (answer === undefined || ![200, 201, 204].includes(answer.status)) return;
  op.end = performance.now();
  op.version = version;
}

interface Answer {
  readonly status: number;
  readonly headers: Dispatcher.ResponseData['headers'];
  readonly body: string;
}

/** Undefined where there was no answer. */
async function ask(
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

/** A seed for each actor, so that none disturbs another's dice. */
export function seedOf(random: Random): number {
  return below(2 ** 31, random);
}
