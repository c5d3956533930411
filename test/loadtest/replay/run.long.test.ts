import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { RunResult } from '../../../loadtest/result.ts';
import { until } from '../../../loadtest/support/until.ts';
import { PATIENT } from '../../../loadtest/target/replicas.ts';
import { runMain } from '../../../loadtest/target/run-main.ts';
import { startService } from '../../../loadtest/target/service.ts';
import { get, put } from '../../support/client.ts';
import { tokensFile } from '../../support/tokens.ts';

let dir: string;
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ratecache-replay-test-'));
  const at = (ms: number) => new Date(1_700_000_000_000 + ms).toISOString();
  const lines = [
    { time: at(0), op: 'get', key: 'borrow_rate:A', size: 20 },
    { time: at(20), op: 'set', key: 'borrow_rate:A', size: 20 },
    { time: at(40), op: 'mget', keys: ['borrow_rate:A', 'borrow_rate:B'], size: 40 },
    { time: at(60), op: 'delete', key: 'borrow_rate:B' },
  ];
  await writeFile(join(dir, 'log.ndjson'), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
});
after(() => rm(dir, { recursive: true, force: true }));

async function replay(...args: string[]) {
  const out = join(dir, 'out');
  const run = await runMain(['replay', join(dir, 'log.ndjson'), '--out', out, ...args]);
  const results = await readFile(join(out, 'results.json'), 'utf8').catch(() => '[]');
  return { ...run, result: (JSON.parse(results) as RunResult[])[0] };
}

test('a running service receives only reads, unless --writes is set', async (t) => {
  const service = await startService({ standalone: true, env: PATIENT });
  t.after(() => service.stop());
  const body = '{"rate":0.05}';
  for (const key of ['borrow_rate:A', 'borrow_rate:B']) await put(service, key, body);

  const reads = await replay('--url', service.url);
  // The gate on samples fails: there are too few.
  assert.equal(reads.code, 1, reads.stderr);
  assert.match(reads.stderr, /skipped without --writes: 2 operations/);
  assert.match(reads.stderr, /CPU and memory of http.* are unknown/);
  assert.deepEqual([reads.result!.requests.sent, reads.result!.requests.hits], [2, 3]);
  assert.equal(reads.result!.series[0]!.serverCpuShare, null);
  for (const key of ['borrow_rate:A', 'borrow_rate:B'])
    assert.equal(await (await get(service, key)).text(), body);

  const all = await replay('--url', service.url, '--writes');
  assert.deepEqual([all.code, all.result!.requests.sent], [1, 4]);
  assert.equal(await (await get(service, 'borrow_rate:A')).text(), `"${'v'.repeat(18)}"`);
  assert.equal((await get(service, 'borrow_rate:B')).status, 404);
});

test('a service with tokens receives the token of --token-file', async (t) => {
  const tokens = tokensFile({ reader: { scopes: ['read'] } });
  t.after(() => tokens.remove());
  const service = await startService({
    standalone: true,
    env: { ...PATIENT, AUTH_TOKENS_FILE: tokens.path },
  });
  t.after(() => service.stop());
  const file = join(dir, 'token');
  await writeFile(file, tokens.tokens.reader!);
  const { result } = await replay('--url', service.url, '--token-file', file);
  assert.deepEqual(result!.requests.byStatus, { 200: 1, 404: 1 });
});

test('without --url a log is sent to a new service with the values that the log expects', async () => {
  // The new service has the default timeouts, so a busy machine may answer a read with a miss.
  await until(
    async () => {
      const { code, result } = await replay('--speed', '2');
      assert.equal(code, 1);
      assert.deepEqual([result!.requests.sent, result!.requests.hits], [4, 3]);
      return true;
    },
    { timeoutMs: 120_000 },
  );
});

test('an invalid log or address is exit code 2', async () => {
  const [missing, address, remote] = await Promise.all([
    runMain(['replay', join(dir, 'none.ndjson')]),
    replay('--url', 'http://127.0.0.1/cache'),
    replay('--url', 'http://203.0.113.9:8000'),
  ]);
  assert.deepEqual([missing.code, address.code, remote.code], [2, 2, 2]);
  assert.match(remote.stderr, /neither a loopback nor a private address/);
  assert.match(missing.stderr, /none\.ndjson/);
  assert.match(address.stderr, /is not of the form http:\/\/HOST:PORT/);
});
