/** The live page of a service of two processes, in Chromium. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { connect } from '../../loadtest/support/raw-http.ts';
import { until } from '../../loadtest/support/until.ts';
import { type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import { startReplica } from '../../loadtest/target/replicas.ts';
import type { LogLine, Service } from '../../loadtest/target/service.ts';
import { jsonOf, put } from '../support/client.ts';
import { has, type Pages, press, startPages, text } from '../support/ui-page.ts';

const KEY = 'borrow_rate:BOTH';
const READS = 400;

let redis: RedisServer;
let service: Service;
let pages: Pages;

before(async () => {
  redis = await startRedis();
  [service, pages] = await Promise.all([startReplica(redis, { PROCESSES: '2' }), startPages()]);
  await put(service, KEY, '1');
});

after(async () => {
  await pages?.stop();
  await service?.stop();
  await redis?.stop();
});

afterEach(() => pages.assertNoFaults());

/** Reads the key on so many new connections, which the kernel spreads over the processes. */
async function readOften(): Promise<void> {
  for (let i = 0; i < READS; i++) {
    const connection = await connect(service.port);
    await connection.send(`GET /v1/cache/${KEY} HTTP/1.1\r\nHost: x\r\n\r\n`);
    const [answer] = await connection.readResponses(1);
    connection.destroy();
    assert.equal(answer!.status, 200);
  }
}

interface Body {
  readonly replica: string;
  readonly samples: readonly { readonly reads: Readonly<Record<string, Readonly<Record<string, number>>>> }[];
}

const historyOf = async (): Promise<Body> => jsonOf(await service.fetch('/v1/history'));

test('the figures are those of the whole service, whichever process answers', async () => {
  const { replica } = await historyOf();
  const page = await pages.of(service, `#key=${encodeURIComponent(KEY)}`);
  await page.until(has('process', '2 processes'));
  // An answer has no late processes.
  const table = `document.querySelector('#opened table')`;
  const tiers: string = await page.until(
    `${table}.tBodies[0].rows.length >= 3 ? ${table}.innerText : (${press('Refresh', '#opened')}, false)`,
  );
  assert.equal(tiers.match(/L1 of/g)?.length, 2, 'the key in both processes');
  await page.until(`document.querySelectorAll('#replica-table tbody tr').length === 2`);

  await readOften();
  await page.until(has('hottest', KEY));
  let reads = 0;
  while (reads < READS) {
    const { samples, ...body } = await historyOf();
    assert.equal(body.replica, replica, 'one history, whichever process is asked');
    reads = samples
      .flatMap(({ reads: { borrow_rate } }) => Object.values(borrow_rate ?? {}))
      .reduce((a, b) => a + b, 0);
    if (reads < READS) await page.until(NEXT_POLL);
  }
  // The page and the test itself read the key a few times.
  assert.ok(reads < READS + 100, `${reads} reads`);
  await until(async () => {
    await service.fetch(`/v1/cache/${KEY}`);
    return /Hit rate\s+\d/.test(await page.evaluate(text('tiles')));
  });
});

/** The page has asked once more. */
const NEXT_POLL = `new Promise((resolve) => new PerformanceObserver((list) => {
  if (list.getEntries().some(({ name }) => name.includes('/v1/history'))) resolve(true);
}).observe({ type: 'resource' }))`;

test('the page shows the successor of a process that dies', async () => {
  const page = await pages.of(service);
  await page.until(`${text('state')} === 'healthy'`);
  const listens = (line: LogLine) => line.msg === 'process listening' && line.process === 1;
  const { pid } = await service.waitForLog(listens);
  process.kill(pid as number, 'SIGKILL');
  const successor = await service.waitForLog((line) => listens(line) && line.pid !== pid);
  await page.until(has('replica-table', String(successor.pid)));
  await page.until(`${text('state')} === 'healthy' && ${text('process')}.includes('2 processes')`);
  // If the page was connected to the dead process, its next subscription begins later.
  await until(async () => {
    await put(service, 'borrow_rate:AFTER', '1');
    return page.evaluate(has('feed', 'borrow_rate:AFTER'));
  });
});
