/** What the subcommands for operators print about a service with several processes. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { until } from '../../loadtest/support/until.ts';
import { reachesRedis } from '../../loadtest/target/replicas.ts';
import { runMain } from '../../loadtest/target/run-main.ts';
import { put } from '../support/client.ts';
import { answerOnNew } from '../support/new-connection.ts';
import { allHealthy, type Operated, readOften, startTwo, statsOf, whole } from '../support/processes.ts';
import { redisFor } from '../support/services.ts';

const KEY = 'borrow_rate:CLI';

/** A service of two processes that both have the key in L1, after so many reads. */
async function serviceAfter(t: TestContext, reads: number): Promise<Operated & { readonly opsUrl: string }> {
  const service = await startTwo(t, await redisFor(t), { STATS_MAX_AGE_SECONDS: '1' });
  const { ops_port: port } = await service.waitForLog(({ msg }) => msg === 'listening');
  await allHealthy(service);
  await reachesRedis(service);
  await put(service, KEY, '1');
  await readOften(service, KEY, reads);
  return { ...service, opsUrl: `http://127.0.0.1:${port}` };
}

/** Reads a key that does not exist on so many new connections. */
async function missOften(service: Operated, key: string, times: number): Promise<void> {
  for (let i = 0; i < times; i++)
    await answerOnNew(service.port, `GET /v1/cache/${key} HTTP/1.1\r\nHost: x\r\n\r\n`);
}

/** Runs a subcommand. Redis is asked for half a second, and may not answer in time on a busy machine. */
function run(args: readonly string[], accepts: (text: string) => boolean): Promise<string> {
  return until(async () => {
    const { stdout } = await runMain([...args]);
    const text = stripVTControlCharacters(stdout);
    return accepts(text) ? text : undefined;
  });
}

/** The cells of the first row with this name after the head, in a table of `stats`. */
function row(text: string, name: string, head: string): string[] {
  const rows = text.split('\n').map((line) => line.split('│').map((cell) => cell.trim()));
  const start = rows.findIndex(([, first]) => first === head);
  return rows
    .slice(start)
    .find(([, first]) => first === name)!
    .slice(2, -1);
}

test('check and stats show the sums of both processes, once each, and how many are healthy', async (t) => {
  const service = await serviceAfter(t, 40);
  const check = await run(['check', '--url', service.opsUrl], (text) => text.startsWith('healthy: '));
  assert.match(check, /, 2 items in L1, 2 of 2 processes healthy\n$/);

  // The keys in Redis are counted once a second.
  const counted = (text: string) =>
    text.includes(': healthy\n') && row(text, 'borrow_rate', 'Redis')[0] === '1';
  const stats = await run(['stats', '--url', service.opsUrl], counted);
  assert.equal(row(stats, 'get', 'requests')[0], '40');
  assert.deepEqual(row(stats, 'set', 'requests').slice(0, 3), ['0', '1', '0']);
  const [items, hits, misses] = row(stats, 'borrow_rate', 'L1').map(Number);
  const [, fromRedis, missing] = row(stats, 'borrow_rate', 'Redis').map(Number);
  assert.deepEqual([items, hits! + misses!], [2, 40]);
  // Each process has read the key from Redis, once more where it heard of the write after its first read.
  assert.ok(misses! >= 2 && misses! <= 4, `${misses}`);
  assert.deepEqual([fromRedis, missing], [misses, 0]);
  assert.deepEqual(row(stats, 'processes', 'coherence'), ['2 of 2 healthy']);
  assert.match(row(stats, 'L1', 'coherence')[0]!, /^2 of 2,000 \(0\.1 %\), /);
});

test('check and stats name a process that hangs, and count it once when it continues', async (t) => {
  const service = await serviceAfter(t, 40);
  const { pid } = (await allHealthy(service))[1]!;
  // Collects the counts of both processes.
  await statsOf(service);
  process.kill(pid!, 'SIGSTOP');
  const check = await run(['check', '--url', service.opsUrl], (text) => text.includes('Redis answers'));
  assert.match(check, /^degraded: Process 2 does not answer\. .*, 1 of 2 processes healthy\n$/);
  const stats = await run(['stats', '--url', service.opsUrl], (text) => text.includes('answers in'));
  assert.match(stats, /: degraded\n/);
  assert.deepEqual(row(stats, 'processes', 'coherence'), [`1 of 2 healthy, 2 (pid ${pid}): no answer`]);
  assert.equal(row(stats, 'get', 'requests')[0], '40', 'the last known counts of the other process');
  process.kill(pid!, 'SIGCONT');
  await allHealthy(service);
  const again = await run(['stats', '--url', service.opsUrl], (text) => text.includes(': healthy\n'));
  assert.equal(row(again, 'get', 'requests')[0], '40');
});

test('top shows L1, the requests and the keys of both processes, once each', async (t) => {
  const service = await serviceAfter(t, 40);
  await missOften(service, 'borrow_rate:NONE', 30);
  const args = ['top', '--every', '1', '--url', service.url, '--ops-url', service.opsUrl];
  const text = await run(args, (text) => text.includes(' healthy '));
  assert.match(text, /^processes: 2 of 2 healthy$/m);
  assert.match(text, /^L1 2 of 2,000 entries, /m);
  assert.match(text, /^borrow_rate +2 /m);
  // The most-missed keys are in the right half of 80 columns. The key may be among the hottest too, by a sample.
  const missed = text.split('\n').filter((line) => line.slice(41).startsWith('borrow_rate:NONE '));
  assert.equal(missed.length, 1, text);
});

test('the hottest keys are those of both processes, whichever answers', async (t) => {
  const service = await startTwo(t, await redisFor(t));
  await allHealthy(service);
  // Every miss is counted, so the sum is exact.
  await missOften(service, 'missing:A', 30);
  for (let i = 0; i < 10; i++) {
    const answer = await whole(() =>
      answerOnNew(service.port, 'GET /v1/hot-keys HTTP/1.1\r\nHost: x\r\n\r\n'),
    );
    const { seconds, misses } = JSON.parse(answer.body.toString()) as {
      seconds: number;
      misses: { key: string; per_second: number }[];
    };
    assert.deepEqual(
      misses.map(({ key }) => key),
      ['missing:A'],
    );
    // The processes have counted for different times, so the sum of the rates is at least 30 in the longer time.
    assert.ok(misses[0]!.per_second * seconds >= 29, answer.body.toString());
  }
});

test('explain lists each process once, with its number and its pid', async (t) => {
  const service = await serviceAfter(t, 40);
  const processes = await allHealthy(service);
  const text = await run(
    ['explain', KEY, '--url', service.url, '--no-json'],
    (text) => !text.includes('more received'),
  );
  const named = [...text.replaceAll(/\s+/g, ' ').matchAll(/, process (\d), pid (\d+), /g)].map(
    ([, process, pid]) => ({
      process: Number(process),
      pid: Number(pid),
      status: 'healthy',
    }),
  );
  assert.deepEqual(
    named.toSorted((a, b) => a.process - b.process),
    processes,
  );
  assert.equal(text.match(/answers this request/g)!.length, 1);
  assert.equal(text.match(/^ {2}L1 +fresh/gm)!.length, 2);
});
