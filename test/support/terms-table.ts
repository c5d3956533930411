/** The table of `docs/api/terms.md`, and a service in each of its states. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { until } from '../../loadtest/support/until.ts';
import { type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import { PATIENT, startReplica } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { jsonOf, put, readIntoL1 } from './client.ts';

const PAGE = new URL('../../docs/api/terms.md', import.meta.url);
export const AGE_MS = 20_000;
const TTL_SECONDS = 100;
/** A slow machine may take this long between a write and a read. */
const SLACK_SECONDS = 9;
/** The clock of the service ticks every 10 ms, so it may be late. A slow machine adds to that. */
const TICK_SECONDS = 1;

export interface Row {
  readonly state: string;
  /** As `Cache-Control` has them. */
  readonly terms: string;
  readonly answer: string;
}

export function rows(): Row[] {
  const text = readFileSync(PAGE, 'utf8').split('<!-- terms -->')[1]!.split('<!-- /terms -->')[0]!;
  const lines = text.trim().split('\n').slice(2);
  return lines.map((line) => {
    const [state, terms, answer] = line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim().replaceAll('`', ''));
    return { state: state!, terms: terms!, answer: answer! };
  });
}

/** The terms as members of a request. */
export function membersOf(terms: string): Record<string, number | true> {
  const names: Record<string, string> = {
    'max-age': 'maxAge',
    'min-fresh': 'minFresh',
    'no-cache': 'noCache',
    'only-if-cached': 'onlyIfCached',
  };
  const each = terms.split(', ').filter((term) => term !== '');
  return Object.fromEntries(
    each.map((term) => {
      const [name, seconds] = term.split('=');
      return [names[name!]!, seconds === undefined ? true : Number(seconds)];
    }),
  );
}

/** What a reader that does not see the tier receives. `age` is in seconds. */
export interface Outcome {
  readonly status: 'hit' | 'miss' | 'terms_not_met';
  readonly age?: number | undefined;
}

export function assertOutcome({ answer }: Row, { status, age }: Outcome): void {
  const expected = answer.startsWith('200') ? 'hit' : answer === '404' ? 'miss' : 'terms_not_met';
  assert.equal(status, expected);
  if (expected !== 'terms_not_met') return;
  const named = /age (\d+)/.exec(answer)?.[1];
  if (named === undefined) assert.equal(age, undefined);
  else assert.ok(age! >= Number(named) - TICK_SECONDS && age! < Number(named) + SLACK_SECONDS, `age ${age}`);
}

export interface Stage {
  /** Brings a new key into the state, and returns the service that has it. */
  prepare(state: string): Promise<{ service: Service; key: string }>;
  stop(): Promise<void>;
}

export async function openStage(): Promise<Stage> {
  const [redis, lost] = await Promise.all([startRedis(), startRedis()]);
  const unreachable = { REDIS_COMMAND_TIMEOUT_MS: '200' };
  const [service, writer, alone, cut] = await Promise.all([
    startReplica(redis),
    startReplica(redis),
    startService({ standalone: true, env: PATIENT }),
    startReplica(lost, unreachable),
  ]);
  let keys = 0;
  const written = async (by: Service, expected: readonly number[] = [201]) => {
    const key = `calculation:${keys++}`;
    const asOf = new Date(Date.now() - AGE_MS).toISOString();
    const { status } = await put(by, key, '1', { query: `?ttl=${TTL_SECONDS}&asOf=${asOf}` });
    assert.ok(expected.includes(status), String(status));
    return key;
  };
  const cached = async (by: Service) => {
    // A Redis of a short time-out may answer too late on a busy machine.
    const key = await written(by, [201, 202]);
    await readIntoL1(by, key);
    return { service: by, key };
  };
  /** Rows share the key that L1 had before its Redis stopped. */
  let before: { service: Service; key: string } | undefined;
  const withoutRedis = async (redis: RedisServer) => {
    if (before !== undefined) return before;
    before = await cached(cut);
    await redis.stop();
    await until(async () => (await jsonOf(await cut.fetch('/health'))).status !== 'healthy');
    return before;
  };
  const states: Record<string, () => Promise<{ service: Service; key: string }>> = {
    'in L1': () => cached(service),
    'only in Redis': async () => ({ service, key: await written(writer) }),
    absent: async () => ({ service, key: `calculation:${keys++}` }),
    'in L1 without Redis (standalone)': () => cached(alone),
    'in L1 while Redis is unreachable': () => withoutRedis(lost),
    'a pending write': async () => {
      await withoutRedis(lost);
      return { service: cut, key: await written(cut, [202]) };
    },
  };
  return {
    prepare: (state) => states[state]!(),
    async stop() {
      await Promise.all([service, writer, alone, cut].map((each) => each.stop('SIGKILL')));
      await Promise.all([redis.stop(), lost.stop()]);
    },
  };
}
