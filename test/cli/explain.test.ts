import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { freePort, startRedis } from '../../loadtest/target/redis-server.ts';
import { startReplica } from '../../loadtest/target/replicas.ts';
import { runMain } from '../../loadtest/target/run-main.ts';
import { cut } from '../../src/cli/cells.ts';
import { explanationText } from '../../src/cli/explain-text.ts';
import type { Explanation } from '../../src/service/explain.ts';
import { put, readIntoL1 } from '../support/client.ts';
import { explainedBy } from '../support/explain.ts';

const KEY = 'borrow_rate:AAPL';
const VERSION = '01a20c60214c0000355a7e2f';
const OLDER = '01a20c60214b0000355a7e2f';

const FACTS = {
  version: VERSION,
  stored_at: '2026-11-28T12:00:00.000Z',
  expires_at: '2026-11-28T12:05:00.000Z',
  encoding: 'json',
  bytes: 16,
} as const;

const EXPLANATION: Explanation = {
  key: `${KEY}\u001b[2J`,
  type: 'borrow_rate',
  at: '2026-11-28T12:00:10.000Z',
  summary: 'Redis has the value.',
  last_change: null,
  marks: [],
  sources: [],
  redis: {
    state: 'value',
    format: 'envelope',
    compressed: true,
    stored_bytes: 61,
    ttl_ms: 290_000,
    ...FACTS,
  },
  replicas: [
    {
      replica: '355a7e2f',
      host: 'pod-1',
      pid: 7,
      release: '0.1.0',
      coherence: 'coherent',
      l1: { state: 'fresh', ...FACTS, version: OLDER, fresh_until: '2026-11-28T12:01:00.000Z' },
      pending: null,
      last_change: { reason: 'delete', at: '2026-11-28T12:00:05.000Z', writer: 'aabbccdd' },
      why: 'It answers from L1: the link reports every change of the entry.',
    },
    {
      replica: 'aabbccdd',
      host: 'pod-2',
      pid: 8,
      release: '0.1.0',
      coherence: 'blind',
      l1: { state: 'absent' },
      pending: { operation: 'delete', version: VERSION },
      last_change: null,
      why: 'It answers that the key has no value, because a deletion is pending.',
    },
  ],
  others: {
    asked: true,
    silent: 1,
    missing: [{ replica: 'eeeeeeee', host: 'pod-3', seen_at: '2026-11-28T11:59:00.000Z' }],
  },
};

test('explain shows each tier of each replica in 80 columns, and marks a version that Redis does not have', () => {
  const lines = explanationText(EXPLANATION, 80).map((line) => stripVTControlCharacters(line));
  for (const line of lines) assert.equal(cut(line, 80), line);
  const text = lines.join('\n').replace(/\s+/g, ' ');
  for (const part of [
    'borrow_rate:AAPL\\u{1b}[2J (borrow_rate) at 12:00:10.000 UTC',
    `Redis value; version ${VERSION}, json, 16 B, stored 10 s ago, expires in 4 min 50 s`,
    '61 B in Redis, compressed; TTL 4 min 50 s',
    '355a7e2f on pod-1, pid 7, 0.1.0, answers this request state coherent',
    `L1 fresh for 50 s; version ${OLDER} (not that of Redis)`,
    'change delete by aabbccdd, 5.0 s ago',
    'aabbccdd on pod-2, pid 8, 0.1.0 state blind L1 absent',
    `pending deletion, version ${VERSION}`,
    '1 more received the question, and did not answer in time. Replicas that were seen before: eeeeeeee on pod-3, seen 1 min 10 s ago.',
  ])
    assert.ok(text.includes(part), `${part}\n${lines.join('\n')}`);
});

test('explain prints the answer of the service as JSON, and text with --no-json', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const [near, far] = await Promise.all([startReplica(redis), startReplica(redis)]);
  t.after(() => Promise.all([near.stop(), far.stop()]));
  await put(near, KEY, '1');
  await readIntoL1(far, KEY);
  await explainedBy(near, KEY, 2);
  const json = await runMain(['explain', KEY, '--url', near.url]);
  assert.equal(json.code, 0);
  const explanation = JSON.parse(json.stdout) as Explanation;
  assert.deepEqual([explanation.key, explanation.redis.state], [KEY, 'value']);
  const { code, stdout } = await runMain(['explain', KEY, '--no-json', '--url', near.url]);
  assert.equal(code, 0);
  assert.match(stdout, /^borrow_rate:AAPL \(borrow_rate\) at [\d:.]+ UTC\nRedis has the value/);
  for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line);
});

test('explain reports an invalid key, and a service that does not answer', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const service = await startReplica(redis);
  t.after(() => service.stop());
  const invalid = await runMain(['explain', 'a\u0001b', '--url', service.url]);
  assert.equal(invalid.code, 1);
  assert.match(invalid.stderr, /answered 400 key_invalid/);
  const url = `http://127.0.0.1:${await freePort()}`;
  assert.equal((await runMain(['explain', KEY, '--url', url])).code, 2);
});
