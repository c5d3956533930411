/** The table of `docs/api/quality.md`, and a service in each of its states. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { until } from '../../loadtest/support/until.ts';
import { startRedis } from '../../loadtest/target/redis-server.ts';
import { startReplica } from '../../loadtest/target/replicas.ts';
import type { Service } from '../../loadtest/target/service.ts';
import { JSON_TYPE, jsonOf, post, put } from './client.ts';

const PAGE = new URL('../../docs/api/quality.md', import.meta.url);
export const VALUE = 1;
export const MINIMUM = 2;
export const REASON = 'until the open';

export interface Row {
  readonly state: string;
  readonly wish: string;
  readonly answer: string;
}

export function rows(): Row[] {
  const text = readFileSync(PAGE, 'utf8').split('<!-- quality -->')[1]!.split('<!-- /quality -->')[0]!;
  const lines = text.trim().split('\n').slice(2);
  return lines.map((line) => {
    const [state, wish, answer] = line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim().replaceAll('`', ''));
    return { state: state!, wish: wish!, answer: answer! };
  });
}

/** The wish as members of a request. */
export function membersOf(wish: string): Record<string, string> {
  return wish === '' ? {} : Object.fromEntries([wish.split('=')]);
}

/** What a reader receives. */
export interface Outcome {
  readonly status: 'hit' | 'miss' | 'halted';
  readonly value?: unknown;
  readonly quality?: string | undefined;
}

/** The outcome in an item of an answer, or in a result of a client. */
// biome-ignore lint/suspicious/noExplicitAny: an item as the service sends it
export function outcomeOf({ status, code, ok, value, quality }: any): Outcome {
  if (code === 'halted') return { status: 'halted' };
  assert.notEqual(ok, false, code);
  return status === 'hit' ? { status, value, quality: quality ?? 'good' } : { status };
}

export function expectedOf({ answer }: Row): Outcome {
  const [what, quality] = answer.split(', ');
  if (what === 'halted' || what === 'miss') return { status: what };
  return { status: 'hit', value: what === 'value' ? VALUE : MINIMUM, quality };
}

export interface Stage {
  readonly service: Service;
  /** Brings a new key into the state, seen by the service. */
  prepare(state: string): Promise<string>;
  stop(): Promise<void>;
}

/** The records are made at another replica than the one that is read. */
export async function openStage(): Promise<Stage> {
  const redis = await startRedis();
  const [service, other] = await Promise.all([startReplica(redis), startReplica(redis)]);
  let keys = 0;
  const write = async (key: string, query = '') => {
    const { status } = await put(other, key, String(VALUE), { query });
    assert.ok(status === 201 || status === 204, String(status));
  };
  const mark = async (state: 'suspect' | 'halted', selection: object) => {
    const { status } = await post(other, '/v1/marks', { ...selection, state, reason: REASON, ttl: 3600 });
    assert.equal(status, 201);
  };
  const heartbeat = async (name: string, key: string, ttl: number) => {
    const { status } = await other.fetch(`/v1/sources/${name}`, {
      method: 'PUT',
      headers: { 'content-type': JSON_TYPE },
      body: JSON.stringify({ prefixes: [key], ttl }),
    });
    assert.equal(status, 200);
  };
  const die = async (name: string, key: string) => {
    await heartbeat(name, key, 0.001);
    // The clocks of the replicas differ by some ms: a later write must be later by the clock of its replica too.
    for (const each of [service, other])
      await known('sources', (source) => source.name === name && source.state === 'dead', each);
  };
  /** Waits until a service knows a record. */
  // biome-ignore lint/suspicious/noExplicitAny: a record as the service lists it
  const known = (kind: 'sources' | 'marks', is: (record: any) => boolean, by = service) =>
    until(async () => (await jsonOf(await by.fetch(`/v1/${kind}`)))[kind].some(is));
  const marked = (key: string, state: string) =>
    known('marks', (each) => each.state === state && [...each.keys, ...each.prefixes].includes(key));
  const states: Record<string, (key: string) => Promise<void>> = {
    good: (key) => write(key),
    'of a living source': async (key) => {
      await heartbeat(key.slice(12), key, 3600);
      await write(key);
      await known('sources', ({ prefixes }) => prefixes.includes(key));
    },
    'of a dead source': async (key) => {
      await write(key);
      await die(key.slice(12), key);
    },
    'written after its source died': async (key) => {
      await die(key.slice(12), key);
      await write(key);
    },
    'of another source than the dead one': async (key) => {
      await write(key, '?source=other');
      await die(key.slice(12), key);
    },
    'marked suspect': async (key) => {
      await write(key);
      await mark('suspect', { keys: [key] });
      await marked(key, 'suspect');
    },
    'called suspect by its writer': (key) => write(key, '?suspect=true'),
    'marked halted': async (key) => {
      await write(key);
      await mark('halted', { keys: [key] });
      await marked(key, 'halted');
    },
    'halted by prefix': async (key) => {
      await write(key);
      await mark('halted', { prefixes: [key] });
      await marked(key, 'halted');
    },
    'marked suspect and halted': async (key) => {
      await write(key);
      await mark('halted', { keys: [key] });
      await mark('suspect', { keys: [key] });
      await marked(key, 'halted');
      await marked(key, 'suspect');
    },
    'absent and halted': async (key) => {
      await mark('halted', { keys: [key] });
      await marked(key, 'halted');
    },
    absent: async () => {},
  };
  return {
    service,
    async prepare(state) {
      const name = `X${keys++}-${Math.random().toString(36).slice(2)}`;
      const key = `borrow_rate:${name}`;
      assert.equal((await put(other, `min_rate:${name}`, String(MINIMUM))).status, 201);
      await states[state]!(key);
      return key;
    },
    async stop() {
      await Promise.all([service, other].map((each) => each.stop('SIGKILL')));
      await redis.stop();
    },
  };
}
