import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { until } from '../../loadtest/support/until.ts';
import { freePort, type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import { PATIENT, redisEnv, startReplica } from '../../loadtest/target/replicas.ts';
import { runMain } from '../../loadtest/target/run-main.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { ibkrFile } from '../../loadtest/traffic/ibkr-file.ts';
import { get, jsonOf, post, put } from '../support/client.ts';

const EXCERPT = fileURLToPath(new URL('../data/ibkr-usa-2017-09-27.txt', import.meta.url));
const EXCERPT_ROWS = 22;
const PREFIX = 'borrow_rate_engine:';
/** The excerpt is from 2017. */
const ANY_AGE = ['--max-age', '36500d'];
const ON_STARTUP = {
  ...PATIENT,
  CACHE_WARMUP_ON_STARTUP: 'true',
  CACHE_WARMUP_MAX_AGE: String(36_500 * 86_400),
};

let redis: RedisServer;
let dir: string;

before(async () => {
  [redis, dir] = await Promise.all([startRedis(), mkdtemp(join(tmpdir(), 'ratecache-warmup-'))]);
});

after(async () => {
  await redis?.stop();
  if (dir) await rm(dir, { recursive: true });
});

test('warmup loads a short-stock file through a running service, and GET then has every row', async (t) => {
  const service = await startService({ standalone: true, env: PATIENT });
  t.after(() => service.stop());
  const run = await runMain(['warmup', '--format', 'ibkr', EXCERPT, ...ANY_AGE, '--url', service.url]);
  assert.equal(run.code, 0, run.stderr);
  assert.match(run.stdout, /^22 records read in \d+\.\d\d s: 22 stored\n/);
  assert.match(run.stdout, /note: #EOF states 13,?425 rows/);

  const response = await get(service, 'borrow_rate:AA');
  assert.equal(response.headers.get('last-modified'), 'Wed, 27 Sep 2017 10:30:03 GMT');
  const [{ asOf, source }] = (await jsonOf(await post(service, '/v1/mget', { keys: ['borrow_rate:AA'] })))
    .results;
  assert.deepEqual([asOf, source], [Date.UTC(2017, 8, 27, 10, 30, 3), 'ibkr']);
  assert.deepEqual(await jsonOf(response), {
    symbol: 'AA',
    currency: 'USD',
    name: 'ALCOA CORP',
    isin: 'XXXXXXX21065',
    figi: null,
    contract_id: '251962528',
    fee_rate: 0.008227,
    rebate_rate: 0.003373,
    available: 10_000_000,
    available_at_least: true,
    as_of: '2017-09-27T10:30:03Z',
    source: 'ibkr',
    sheet: 'usa',
  });
  const { keys } = await jsonOf(await service.fetch('/v1/keys?type=borrow_rate'));
  assert.equal(keys.length, EXCERPT_ROWS);
});

test('without --url, warmup connects to the address of HOST and PORT or their flags', async (t) => {
  const service = await startService({ standalone: true, env: { ...PATIENT, HOST: '127.0.0.2' } });
  t.after(() => service.stop());
  const PORT = String(service.port);
  const runs = await Promise.all([
    runMain(['warmup', EXCERPT, ...ANY_AGE], { HOST: '127.0.0.2', PORT }),
    runMain(['warmup', EXCERPT, ...ANY_AGE, '--host', '127.0.0.2', '--port', PORT]),
    runMain(['warmup', EXCERPT, ...ANY_AGE, '--url', `http://127.0.0.2:${PORT}`], {
      PORT: String(await freePort()),
    }),
  ]);
  for (const { code, stdout, stderr } of runs) assert.equal(code, 0, stdout + stderr);
});

test('warmup loads lines of JSON unchanged, each with its own TTL', async (t) => {
  const service = await startService({ standalone: true, env: { ...PATIENT, HTTP_MAX_AGE: 'ttl' } });
  t.after(() => service.stop());
  const file = await fileOf('values.ndjson', [
    '{"key":"min_rate:A","value":0.0025}',
    '{"key":"exact:B", "value": {"n":12345678901234567890,"z":-0}, "ttl":70}',
    '',
    '{"key":"a/b c","value":null}',
  ]);
  const run = await runMain(['warmup', file, '--url', service.url, '--json']);
  assert.equal(run.code, 0, run.stderr);
  assert.equal(JSON.parse(run.stdout).stored, 3);
  const exact = await get(service, 'exact:B');
  assert.equal(await exact.text(), '{"n":12345678901234567890,"z":-0}');
  assert.equal(exact.headers.get('cache-control'), 'max-age=70');
  assert.equal(await (await get(service, 'a/b c')).text(), 'null');
});

test('an invalid line is reported with its number, the other lines load, and the exit code is 1', async (t) => {
  const service = await startService({ standalone: true, env: PATIENT });
  t.after(() => service.stop());
  const file = await fileOf('faults.ndjson', [
    '{"key":"fault:A","value":1}',
    '{"key":"fault:B","value":}',
    '{"key":"","value":1}',
    '{"key":"fault:C","value":3}',
  ]);
  const run = await runMain(['warmup', file, '--url', service.url]);
  assert.equal(run.code, 1);
  assert.match(run.stdout, /line 2\b/);
  assert.match(run.stdout, /line 3\b/);
  assert.equal(await (await get(service, 'fault:A')).text(), '1');
  assert.equal(await (await get(service, 'fault:C')).text(), '3');
});

test('warmup reports an unreachable service and a missing file in one line', async () => {
  const url = `http://127.0.0.1:${await freePort()}`;
  const unreachable = await runMain(['warmup', '--format', 'ibkr', EXCERPT, ...ANY_AGE, '--url', url]);
  assert.equal(unreachable.code, 1);
  assert.equal(
    unreachable.stdout + unreachable.stderr,
    `ratecache: cannot reach ${url}: connection refused\n`,
  );
  const missing = await runMain(['warmup', join(dir, 'missing.txt'), '--url', url]);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /^ratecache: .*missing\.txt.*\n$/);
});

test('warmup --direct writes to Redis, from which every service reads', async (t) => {
  const service = await startReplica(redis);
  t.after(() => service.stop());
  const run = await runMain(['warmup', '--format', 'ibkr', EXCERPT, ...ANY_AGE, '--direct'], redisEnv(redis));
  assert.equal(run.code, 0, run.stderr);
  assert.match(run.stdout, /22 stored/);
  assert.equal((await redis.cli('KEYS', `${PREFIX}borrow_rate:*`)).split('\n').length, EXCERPT_ROWS);
  const response = await get(service, 'borrow_rate:ZZLL');
  assert.match(response.headers.get('cache-status')!, /^ratecache-l2; hit/);
  assert.equal((await jsonOf(response)).fee_rate, 0.0025);
});

test('warmup --direct reports an unreachable Redis or a missing address', async () => {
  const env = { ...redisEnv(redis), REDIS_PORT: String(await freePort()), REDIS_CONNECT_TIMEOUT_MS: '300' };
  const run = await runMain(['warmup', EXCERPT, '--direct'], env);
  assert.equal(run.code, 1);
  assert.match(run.stderr, /cannot connect to Redis/);
  assert.equal((await runMain(['warmup', EXCERPT, '--direct'])).code, 78);
});

test('a flag of warmup without effect is rejected with the reason', async () => {
  for (const [args, message] of [
    [['--borrow-rate-ttl', '7'], /^ratecache: --borrow-rate-ttl has no effect without --direct/],
    [['--redis-host', 'a'], /^ratecache: --redis-host has no effect without --direct/],
    [['--url', 'http://a', '--port', '1'], /^ratecache: --port has no effect with --url/],
    [['--url', 'http://a', '--direct'], /^ratecache: --url has no effect with --direct/],
    [['--port', '1', '--direct'], /^ratecache: --port has no effect with --direct/],
    [['--local-cache-ttl', '1', '--direct'], /unknown option '--local-cache-ttl'/],
    [['--format', 'ndjson', '--replace'], /^ratecache: --replace has no effect with --format ndjson/],
    [['--timezone', 'Nowhere'], /Expected the name of a time zone/],
    [['--currency', 'usd'], /Expected three capital letters/],
    [['--max-age', '1y'], /Expected an age such as 90m/],
  ] as const) {
    const { code, stderr } = await runMain(['warmup', EXCERPT, ...args]);
    assert.equal(code, 64, args.join(' '));
    assert.match(stderr, message);
  }
});

test('with --direct the flags for TTLs, prefix and limits apply', async () => {
  await redis.cli('FLUSHALL');
  const file = await fileOf('limits.ndjson', [
    '{"key":"borrow_rate:A","value":1}',
    '{"key":"borrow_rate:LONG","value":"0123456789"}',
    '{"key":"borrow_rate:LONGER","value":1}',
    '{"key":"borrow_rate:OWN","value":1,"ttl":1000.005}',
  ]);
  const flags = [
    '--borrow-rate-ttl',
    '777',
    '--key-prefix',
    'p:',
    '--max-value-bytes',
    '8',
    '--max-key-bytes',
    '16',
  ];
  const run = await runMain(['warmup', file, '--direct', ...flags], redisEnv(redis));
  assert.equal(run.code, 1);
  assert.match(run.stdout, /2 stored, 2 failed/);
  assert.match(run.stdout, /line 2, borrow_rate:LONG: value_too_large: at most 8 bytes/);
  assert.match(run.stdout, /line 3, borrow_rate:LONGER: key_invalid: the key is longer than 16 bytes/);
  const remaining = Number(await redis.cli('PTTL', 'p:borrow_rate:A'));
  assert.ok(remaining > 700_000 && remaining <= 777_000, `${remaining}`);
  assert.ok(Number(await redis.cli('PTTL', 'p:borrow_rate:OWN')) > 900_000);
});

test('warmup --direct reports writes that a full Redis refuses as failed', async (t) => {
  const full = await startRedis({ args: ['--maxmemory', '1', '--maxmemory-policy', 'noeviction'] });
  t.after(() => full.stop());
  const file = join(dir, 'full.txt');
  await writeFile(file, ibkrFile(2_000));
  const run = await runMain(['warmup', file, ...ANY_AGE, '--direct', '--json'], redisEnv(full));
  assert.equal(run.code, 1);
  const { stored, pending, failed, failures } = JSON.parse(run.stdout);
  assert.deepEqual([stored, pending, failed], [0, 0, 2_000]);
  assert.match(failures[0].reason, /OOM/);
  assert.equal(await full.cli('DBSIZE'), '0');
});

test('a warm-up while Redis is unreachable reports pending writes, and stops before it fills them', async (t) => {
  const gone = await startRedis();
  const service = await startReplica(gone, { PENDING_WRITES_MAX_ENTRIES: '5000' });
  t.after(() => service.stop('SIGKILL'));
  await gone.stop();
  await until(async () => (await jsonOf(await service.fetch('/health'))).redis.connected === false);
  const file = join(dir, 'pending.txt');
  await writeFile(file, ibkrFile(13_425));
  const run = await runMain(['warmup', file, ...ANY_AGE, '--url', service.url]);
  assert.equal(run.code, 1);
  assert.match(run.stdout, / 0 stored, 1,000 pending \(Redis has not confirmed them\), 500 not sent\n/);
  assert.match(run.stdout, /line 3, borrow_rate:\S+: l2_unavailable\n/);
  assert.match(run.stdout, /stopped early: Redis did not confirm 1000 records; load the file again/);
  assert.equal((await put(service, 'live:A', '1')).status, 202);
});

test('a TTL with a fraction of a millisecond is rounded, and a TTL out of range is an error', async (t) => {
  const service = await startReplica(redis);
  t.after(() => service.stop());
  const rows = Array.from({ length: 127 }, (_, i) => `{"key":"round:${i}","value":${i},"ttl":1000.0051}`);
  const file = await fileOf('ttl.ndjson', [...rows, '{"key":"round:X","value":1,"ttl":1e300}']);
  for (const way of [['--url', service.url], ['--direct']]) {
    await redis.cli('FLUSHALL');
    const run = await runMain(['warmup', file, '--json', ...way], redisEnv(redis));
    const { stored, failed, faults } = JSON.parse(run.stdout);
    assert.deepEqual([stored, failed], [127, 0]);
    assert.match(faults[0].reason, /^ttl is "1e300", expected/);
    assert.equal(faults[0].line, 128);
    assert.equal((await redis.cli('KEYS', `${PREFIX}round:*`)).split('\n').length, 127);
  }
});

test('13,425 rows load without a failure, through a service and with --direct', async (t) => {
  const file = join(dir, 'whole.txt');
  await writeFile(file, ibkrFile(13_425).replaceAll('\n', '\r\n'));
  const service = await startReplica(redis);
  t.after(() => service.stop());
  for (const way of [['--url', service.url], ['--direct']]) {
    await redis.cli('FLUSHALL');
    const run = await runMain(
      ['warmup', '--format', 'ibkr', file, ...ANY_AGE, '--json', ...way],
      redisEnv(redis),
    );
    assert.equal(run.code, 0, run.stdout + run.stderr);
    const { read, stored, failed, faultCount, elapsedMs } = JSON.parse(run.stdout);
    assert.deepEqual([read, stored, failed, faultCount], [13_425, 13_425, 0, 0]);
    assert.equal((await redis.cli('KEYS', `${PREFIX}borrow_rate:*`)).split('\n').length, 13_425);
    t.diagnostic(`${way[0]}: ${Math.round(elapsedMs)} ms`);
  }
});

test('a sheet replaces the previous sheet, through a service and with --direct', async (t) => {
  const service = await startReplica(redis);
  t.after(() => service.stop());
  const rows = Array.from({ length: 10 }, (_, i) => `S${i}`);
  for (const way of [['--url', service.url], ['--direct']]) {
    await redis.cli('FLUSHALL');
    await put(service, 'borrow_rate:MINE', '1');
    const sheet = async (symbols: readonly string[], ...flags: string[]) => {
      const run = await runMain(
        ['warmup', await sheetOf(symbols), ...ANY_AGE, '--replace', '--json', ...flags, ...way],
        redisEnv(redis),
      );
      const { stored, deleted, conflictCount, notReplaced } = JSON.parse(run.stdout);
      return [run.code, stored, deleted, conflictCount, notReplaced];
    };
    assert.deepEqual(await sheet(rows), [0, 10, 0, 0, null]);
    assert.deepEqual(await sheet(rows.slice(1), '--ttl', '5000'), [0, 9, 1, 0, null]);
    assert.equal((await get(service, 'borrow_rate:S0')).status, 404);
    assert.equal((await get(service, 'borrow_rate:MINE')).status, 200);
    const ttl = Number(await redis.cli('PTTL', `${PREFIX}borrow_rate:S1`));
    assert.ok(ttl > 4_000_000 && ttl <= 5_000_000, `${ttl}`);
    assert.deepEqual((await sheet(rows.slice(0, 5)))[2], 0);
    assert.deepEqual(await sheet(['S1', 'S2:2'], '--sheet', 'germany'), [1, 1, 0, 1, null]);
  }
});

test('an older sheet does not overwrite a newer sheet, and the same sheet extends the TTL', async (t) => {
  await redis.cli('FLUSHALL');
  const service = await startReplica(redis);
  t.after(() => service.stop());
  const newer = await sheetOf(['A', 'B'], '2017.09.28|06:30:03');
  for (const way of [['--url', service.url], ['--direct']]) {
    const run = async (file: string, ...flags: string[]) => {
      const { code, stdout } = await runMain(
        ['warmup', file, ...ANY_AGE, '--json', ...flags, ...way],
        redisEnv(redis),
      );
      const { stored, kept } = JSON.parse(stdout);
      return [code, stored, kept];
    };
    assert.deepEqual(await run(newer), [0, 2, 0]);
    assert.deepEqual(await run(await sheetOf(['A', 'B', 'C'])), [0, 1, 2]);
    assert.equal((await jsonOf(await get(service, 'borrow_rate:A'))).as_of, '2017-09-28T10:30:03Z');
    assert.deepEqual(await run(newer, '--ttl', '9000'), [0, 2, 0]);
    assert.ok(Number(await redis.cli('PTTL', `${PREFIX}borrow_rate:A`)) > 8_000_000);
    await redis.cli('FLUSHALL');
  }
});

test('a sheet older than --max-age is refused, and loads with --stale', async (t) => {
  const service = await startService({ standalone: true, env: PATIENT });
  t.after(() => service.stop());
  const refused = await runMain(['warmup', EXCERPT, '--url', service.url]);
  assert.equal(refused.code, 1);
  assert.match(
    refused.stdout,
    /stopped early: .*ibkr-usa-2017-09-27\.txt, line 1: #BOF is .* expected at most 24 h;/,
  );
  assert.equal((await get(service, 'borrow_rate:AA')).status, 404);
  const stale = await runMain(['warmup', EXCERPT, '--stale', '--url', service.url]);
  assert.equal(stale.code, 0);
  assert.match(stale.stdout, /note: the rates are \d+ days old; they are suspect\n/);
  assert.equal((await get(service, 'borrow_rate:AA')).status, 200);
});

test('on start-up, a file older than CACHE_WARMUP_MAX_AGE is refused, and the service is ready', async (t) => {
  const { CACHE_WARMUP_MAX_AGE, ...env } = ON_STARTUP;
  const service = await startService({ standalone: true, env: { ...env, CACHE_WARMUP_FILE: EXCERPT } });
  t.after(() => service.stop());
  await ready(service);
  const refused = await service.waitForLog(({ msg }) => /^warm-up incomplete/.test(msg ?? ''));
  assert.match(String(refused.summary), /line 1: #BOF is .* expected at most 24 h/);
  assert.equal((await get(service, 'borrow_rate:AA')).status, 404);
});

test('on start-up, L1 is warmed from a file before the service is ready', async (t) => {
  await redis.cli('FLUSHALL');
  const env = { ...redisEnv(redis), ...ON_STARTUP, CACHE_WARMUP_FILE: EXCERPT };
  const service = await startedFrozen(env);
  t.after(() => service.stop());
  await ready(service);
  const done = await service.waitForLog(({ msg }) => msg === 'warmed up');
  assert.match(String(done.summary), /22 records read .*22 stored/);
  await isHitInL1(service, 'borrow_rate:AA');
  await isHitInL1(service, 'borrow_rate:ZZZOF');
});

test('on start-up, a file does not overwrite existing values in Redis', async (t) => {
  await redis.cli('FLUSHALL');
  const writer = await startReplica(redis);
  t.after(() => writer.stop());
  await put(writer, 'borrow_rate:AA', '"newer"');
  const env = { ...ON_STARTUP, CACHE_WARMUP_FILE: EXCERPT };
  const service = await startReplica(redis, env);
  t.after(() => service.stop());
  await ready(service);
  assert.equal(await (await get(service, 'borrow_rate:AA')).text(), '"newer"');
  await isHitInL1(service, 'borrow_rate:AA');
  const done = await service.waitForLog(({ msg }) => msg === 'warmed up');
  assert.match(String(done.summary), /21 stored, 1 kept/);
});

test('on start-up, L1 is warmed from Redis before the service is ready', async (t) => {
  await redis.cli('FLUSHALL');
  const writer = await startReplica(redis);
  t.after(() => writer.stop());
  const entries = Array.from({ length: 700 }, (_, i) => ({ key: `volatility:${i}`, value: i }));
  await (await post(writer, '/v1/mset', { entries })).text();
  await put(writer, 'event_risk:A', '1');
  await writer.stop();

  const env = { ...redisEnv(redis), ...ON_STARTUP, CACHE_WARMUP_PATTERN: 'volatility:*' };
  const service = await startedFrozen(env);
  t.after(() => service.stop());
  await ready(service);
  const done = await service.waitForLog(({ msg }) => msg === 'warmed up');
  assert.equal(done.warmed, 700);
  await isHitInL1(service, 'volatility:0');
  await isHitInL1(service, 'volatility:699');
  const other = await get(service, 'event_risk:A');
  assert.match(other.headers.get('cache-status')!, /^ratecache-l2; hit/);
});

test('standalone, L1 is warmed from a file', async (t) => {
  const env = { ...ON_STARTUP, CACHE_WARMUP_FILE: EXCERPT };
  const service = await startService({ standalone: true, env });
  t.after(() => service.stop());
  await ready(service);
  await isHitInL1(service, 'borrow_rate:AABA');
});

test('a service starts with an invalid or missing warm-up file', async (t) => {
  const faulty = await fileOf('start.ndjson', [
    '{"key":"start:A","value":1}',
    'nonsense',
    '{"key":"start:B","value":2}',
  ]);
  const service = await startService({ standalone: true, env: { ...ON_STARTUP, CACHE_WARMUP_FILE: faulty } });
  t.after(() => service.stop());
  await ready(service);
  await isHitInL1(service, 'start:A');
  await isHitInL1(service, 'start:B');
  const done = await service.waitForLog(({ msg }) => /^warm-up incomplete/.test(msg ?? ''));
  assert.equal(done.level, 'warn');
  assert.match(String(done.summary), /line 2/);

  const env = { ...ON_STARTUP, CACHE_WARMUP_FILE: join(dir, 'nowhere.txt') };
  const without = await startService({ standalone: true, env });
  t.after(() => without.stop());
  await ready(without);
  const failed = await without.waitForLog(({ msg }) => /^warm-up failed/.test(msg ?? ''));
  assert.match(String(failed.error), /nowhere\.txt/);
});

test('on start-up without Redis, the service is ready after the time limit', async (t) => {
  const env = {
    ...redisEnv(redis),
    ...ON_STARTUP,
    REDIS_PORT: String(await freePort()),
    CACHE_WARMUP_TIMEOUT_SECONDS: '1',
  };
  const patient = await startService({ env: { ...env, CACHE_WARMUP_TIMEOUT_SECONDS: '600' } });
  t.after(() => patient.stop('SIGKILL'));
  assert.equal((await patient.fetch('/readyz')).status, 503);
  for (const more of [{}, { CACHE_WARMUP_FILE: EXCERPT }]) {
    const started = performance.now();
    const service = await startService({ env: { ...env, ...more } });
    t.after(() => service.stop());
    await ready(service);
    assert.ok(performance.now() - started >= 1_000);
    await service.waitForLog(({ msg }) => /^warm-up failed/.test(msg ?? ''));
    assert.equal((await get(service, 'borrow_rate:AA')).status, 404);
  }
});

/** Starts the service while Redis is frozen, checks that it is not ready, and thaws Redis. */
async function startedFrozen(env: Record<string, string>): Promise<Service> {
  await redis.signal('SIGSTOP');
  try {
    const service = await startService({ env });
    const response = await service.fetch('/readyz');
    assert.equal(response.status, 503);
    assert.deepEqual(await response.json(), { status: 'not ready', reason: 'warming up' });
    assert.equal((await service.fetch('/livez')).status, 200);
    return service;
  } finally {
    await redis.signal('SIGCONT');
  }
}

async function ready(service: Service): Promise<void> {
  await until(async () => (await service.fetch('/readyz')).status === 200);
}

async function isHitInL1(service: Service, key: string): Promise<void> {
  const response = await get(service, key);
  assert.equal(response.status, 200, key);
  assert.match(response.headers.get('cache-status')!, /^ratecache-l1; hit/, key);
}

/** A sheet, by default of the time of the excerpt. @param symbols each may have its contract after a colon */
function sheetOf(symbols: readonly string[], begun = '2017.09.27|06:30:03'): Promise<string> {
  return fileOf(`sheet-${begun.replace(/\D/g, '')}.txt`, [
    `#BOF|${begun}`,
    '#SYM|CUR|CON|REBATERATE|FEERATE|AVAILABLE|',
    ...symbols.map((symbol) => {
      const [name, contract = '1'] = symbol.split(':');
      return `${name}|USD|${contract}|1|1|1|`;
    }),
    `#EOF|${symbols.length}`,
  ]);
}

async function fileOf(name: string, lines: readonly string[]): Promise<string> {
  const path = join(dir, name);
  await writeFile(path, `${lines.join('\n')}\n`);
  return path;
}
