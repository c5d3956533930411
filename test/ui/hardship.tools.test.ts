/** The live page with odd data, and with a service, a network and a device that fail, in Chromium. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { startReplica } from '../../loadtest/target/replicas.ts';
import type { Page } from '../support/chromium.ts';
import { post, put } from '../support/client.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { find, has, openKey, press, signIn, stageOfFile, text } from '../support/ui-page.ts';

const LARGE_BYTES = 1_000_000;

const { redis, open, closed, tokens, pages } = await stageOfFile({
  reader: { scopes: ['read'] },
  second: { scopes: ['read'] },
});

const connectedTwice = `document.querySelector('#feed tbody').innerText.match(/\\bconnected/g)?.length >= 2`;

const ODD_KEYS = {
  'other:<img src=x onerror=alert(1)>': 'other:<img src=x onerror=alert(1)>',
  'other:\u202Efdp.exe': 'other:\\u{202e}fdp.exe',
  'other:a\u200bb': 'other:a\\u{200b}b',
  'other:שלום:1': 'other:שלום:1',
  'other:🚀 %2F/?#&=+': 'other:🚀 %2F/?#&=+',
  'other:constructor': 'other:constructor',
  __proto__: '__proto__',
  [`other:${'long'.repeat(120)}`]: `other:${'long'.repeat(120)}`,
};

test('odd keys are found, opened and shown as text, with what cannot be seen escaped', async () => {
  const page = await pages.of(open);
  await page.until(has('feed', 'connected'));
  for (const key of Object.keys(ODD_KEYS)) await put(open, key, JSON.stringify({ [key]: key }));
  await page.evaluate(find('*'));
  for (const [key, shown] of Object.entries(ODD_KEYS)) {
    await page.until(has('feed', shown));
    await page.until(
      `[...document.querySelectorAll('#finder tbody button')].some((each) => each.innerText === ${JSON.stringify(shown)})`,
    );
    await page.evaluate(
      `[...document.querySelectorAll('#finder tbody button')].find((each) => each.innerText === ${JSON.stringify(shown)}).click()`,
    );
    await page.until(`document.querySelector('#opened h3').innerText === ${JSON.stringify(shown)}`);
    await page.until(`document.querySelector('#opened .tree') !== null`);
    assert.equal(await page.evaluate(`decodeURIComponent(location.hash.slice(5))`), key);
  }
  assert.equal(await page.evaluate(`document.querySelector('main img')`), null);
  assert.equal(
    await page.evaluate('document.documentElement.scrollWidth'),
    await page.evaluate('innerWidth'),
    'a long key does not widen the page',
  );
});

test('an address that is not percent-encoded, or that changes, opens its key', async () => {
  const page = await pages.of(open, '#key=100%');
  await page.until(`document.querySelector('#opened h3').innerText === '100%'`);
  await page.evaluate(`(location.hash = '#key=other%3Aconstructor')`);
  await page.until(`document.querySelector('#opened h3').innerText === 'other:constructor'`);
});

test('a value of a megabyte is shown in parts, and stays open where the reader opened it while it changes', async () => {
  const list = Array.from({ length: 15_000 }, (_, i) => ({ id: i, name: 'n'.repeat(20) }));
  const value = (rate: number) => JSON.stringify({ rate, note: 'x'.repeat(LARGE_BYTES / 4), list });
  assert.equal((await put(open, 'other:large', value(1))).status, 201);
  const page = await pages.of(open);
  await page.until(has('feed', 'connected'));
  await openKey(page, 'other:large');
  await page.until(`document.querySelectorAll('.tree details').length === 102`);
  assert.match(
    await page.evaluate(`document.querySelector('.tree').innerText`),
    /Show all 250,002 characters/,
  );
  await page.evaluate(press('Show 100 more of 15,000', '.tree'));
  assert.equal(await page.evaluate(`document.querySelectorAll('.tree details').length`), 202);
  await page.evaluate(`(document.querySelector('.tree .branch .branch details').open = true)`);
  await page.until(has('opened', 'id: 0'));
  for (let rate = 2; rate < 30; rate++) await put(open, 'other:large', value(rate));
  await page.until(has('opened', 'rate: 29'));
  assert.match(await page.evaluate(`document.querySelector('.tree').innerText`), /id: 0/);
  const feed: string = await page.evaluate(`document.querySelector('#feed tbody').innerText`);
  assert.ok(feed.length < 10_000, 'the feed shows the beginning of each value');
});

test('10,000 keys are found in parts, and a later search shows its own keys only', async () => {
  const entries = Array.from({ length: 10_000 }, (_, i) => ({ key: `other:n:${i}`, value: i, ttl: 3600 }));
  for (let i = 0; i < entries.length; i += 1000)
    assert.equal((await post(open, '/v1/mset', { entries: entries.slice(i, i + 1000) })).status, 200);
  const page = await pages.of(open);
  await page.until(`!document.getElementById('page').hidden`);
  // Neither asks for a layout of 10,000 rows.
  const more = `[...document.querySelectorAll('#finder button')].find((each) => each.textContent === 'More keys')`;
  const note = `document.querySelector('#finder [role=status]').textContent`;
  /** Asks for more keys until the note has this text. Each part may take as long as `page.until` waits. */
  const findAll = async (pattern: string, end: string) => {
    await page.evaluate(find(pattern));
    for (let shown = ''; !shown.includes(end); await pause(20))
      shown = await page.until(
        `${note}.includes('${end}') ? ${note} : !${more}.hidden && (${more}.click(), ${note})`,
      );
  };
  await findAll('other:n:*', '10,000 keys.');
  await findAll('other:n:77*', '111 keys.');
  assert.equal(await page.evaluate(`document.querySelectorAll('#finder tbody tr').length`), 111);
});

test('a service that goes away is reported, and the page recovers with its successor', async (t) => {
  const first = await startReplica(redis);
  const target = { port: first.port };
  const proxy = await startTcpProxy(target);
  t.after(async () => {
    await first.stop();
    await proxy.close();
  });
  const page = await pages.of({ url: `http://127.0.0.1:${proxy.port}` }, '#key=other%3Aconstructor');
  await page.until(`${text('state')} === 'healthy'`);
  await page.until(`!${text('tiles')}.includes('no sample yet')`);
  await page.until(has('feed', 'connected'));
  await first.stop('SIGKILL');
  await page.until(`${text('state')} === 'unreachable'`);
  await page.until(has('reasons', 'The service does not answer.'));
  assert.match(await page.evaluate(text('reasons')), /The figures on this page are from \d\d:\d\d:\d\d/);
  await page.until(has('feed', 'disconnected'));
  // The page cannot hear of this change.
  await put(open, 'other:constructor', '"meanwhile"');
  const second = await startReplica(redis);
  t.after(() => second.stop());
  target.port = second.port;
  await page.until(`${text('state')} === 'healthy'`);
  await page.until(connectedTwice);
  await page.until(has('opened', '"meanwhile"'));
  await put(second, 'other:constructor', '"back"');
  await page.until(has('opened', '"back"'));
  await page.until(has('reasons', 'No fault is known.'));
});

/** Requests of the page, whatever became of them. */
const requestsOf = (page: Page) => page.requested.length;

test('a token that is revoked while the page is open leaves nothing of what it could read', async () => {
  const page = await pages.of(closed);
  await put(open, 'borrow_rate:SECRET', '1');
  await signIn(page, tokens.tokens.reader!);
  await openKey(page, 'borrow_rate:SECRET');
  tokens.write({ second: { scopes: ['read'] } });
  closed.kill('SIGHUP');
  await page.until(`!document.getElementById('sign-in').hidden && ${text('sign-in-fault')} !== ''`);
  assert.equal(await page.evaluate(`document.getElementById('page').hidden`), true);
  assert.doesNotMatch(await page.evaluate(`document.getElementById('content').innerHTML`), /SECRET/);
  const requests = requestsOf(page);
  await page.evaluate(`document.dispatchEvent(new Event('visibilitychange'))`);
  assert.equal(requestsOf(page), requests, 'the page asks nothing until it has another token');
  await page.evaluate(`document.getElementById('token').focus()`);
  await signIn(page, tokens.tokens.second!);
  await page.until(has('process', 'token of second'));
});

test('a page that becomes visible again asks at once, and connects again at once', async () => {
  const page = await pages.of(open);
  await page.until(has('feed', 'connected'));
  await page.evaluate(`Object.defineProperty(document, 'hidden', { get: () => window.asleep === true })`);
  await page.evaluate(`(window.asleep = true, document.dispatchEvent(new Event('visibilitychange')))`);
  const asked = () => page.requested.filter((url) => url.includes('/v1/history')).length;
  const before = asked();
  await page.evaluate(`(window.asleep = false, document.dispatchEvent(new Event('visibilitychange')))`);
  await page.until(
    `performance.getEntriesByType('resource').filter(({ name }) => name.includes('/v1/history')).length > ${before}`,
  );
});

test('a connection that has fallen silent is replaced', async () => {
  const page = await pages.of(open);
  await page.until(has('feed', 'connected'));
  await page.evaluate(
    `(window.realNow = Date.now, Date.now = () => realNow() + 60_000, document.dispatchEvent(new Event('visibilitychange')))`,
  );
  await page.until(has('feed', 'no heartbeat'));
  await page.until(connectedTwice);
  await page.evaluate('(Date.now = realNow)');
  await put(open, 'other:constructor', '"again"');
  await page.until(has('feed', 'other:constructor'));
});
