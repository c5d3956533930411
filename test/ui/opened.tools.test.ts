/** The open key of the live page, in Chromium. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startReplica } from '../../loadtest/target/replicas.ts';
import type { Page } from '../support/chromium.ts';
import { get, put } from '../support/client.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import {
  announced,
  answered,
  answeredAsBefore,
  find,
  has,
  offers,
  openKey,
  press,
  QUESTION,
  signIn,
  stageOfFile,
  text,
} from '../support/ui-page.ts';

const KEY = 'borrow_rate:AAPL';
const OTHER = 'volatility:GME';

const { redis, open, closed, tokens, pages } = await stageOfFile({
  reader: { scopes: ['read'], prefixes: ['borrow_rate:'] },
  writer: { scopes: ['read', 'write'], prefixes: ['borrow_rate:A'] },
});

const tiers = `document.querySelectorAll('#opened .scroll:not(.short) tbody tr').length`;

/** Fails unless the page says why it shows nothing of the open key. */
async function assertNotExplained(page: Page, key: string, reason: string): Promise<void> {
  await page.until(has('opened', 'This key could not be explained.'));
  assert.equal(await page.evaluate(`document.querySelector('#opened h3').innerText`), key);
  assert.equal(await page.evaluate(tiers), 0);
  const shown: string = await page.evaluate(text('opened'));
  assert.ok(shown.includes(reason), shown);
  assert.doesNotMatch(shown, /Loading|L1 of|Redis has|Every replica answered|rate: 0\.25/);
}

test('a key that the token may not read is not shown with the tiers of the key before it', async () => {
  await put(open, KEY, '{"rate": 0.25}');
  await put(open, OTHER, '0.5');
  const page = await pages.of(closed);
  await signIn(page, tokens.tokens.reader!);
  await openKey(page, KEY);
  await page.until(`${tiers} >= 2 && ${has('opened', 'rate: 0.25')}`);
  await page.evaluate(`(location.hash = '#key=${encodeURIComponent(OTHER)}')`);
  await assertNotExplained(page, OTHER, 'the token does not allow this key');
  await page.evaluate(`(location.hash = '#key=${encodeURIComponent(KEY)}')`);
  await page.until(`${tiers} >= 2`);
  assert.doesNotMatch(await page.evaluate(text('opened')), /could not be explained|does not allow/);
});

test('a key that is opened while the service is down says so, and is explained when the service is back', async (t) => {
  await put(open, KEY, '{"rate": 0.25}');
  await put(open, OTHER, '0.5');
  const replica = await startReplica(redis);
  const proxy = await startTcpProxy(replica);
  t.after(async () => {
    await proxy.close();
    await replica.stop();
  });
  const page = await pages.of({ url: `http://127.0.0.1:${proxy.port}` });
  await page.until(has('feed', 'connected'));
  await openKey(page, KEY);
  await page.until(`${tiers} >= 2 && ${has('opened', 'rate: 0.25')}`);
  proxy.accept(false);
  proxy.cut();
  await page.evaluate(`(location.hash = '#key=${encodeURIComponent(OTHER)}')`);
  await assertNotExplained(page, OTHER, 'The service does not answer.');
  proxy.accept(true);
  await page.until(`${tiers} >= 2 && !${has('opened', 'does not answer')}`);
  assert.doesNotMatch(await page.evaluate(text('opened')), /could not be explained|does not answer/);
});

test('Delete and Mark are offered only for a key within the prefixes of the token', async () => {
  await put(open, KEY, '{"rate": 0.25}');
  const page = await pages.of(closed);
  await signIn(page, tokens.tokens.writer!);
  const offered = `[${offers('Delete…', '#opened')}, ${offers('Mark…', '#opened')}]`;
  await openKey(page, KEY);
  await page.until(`${offered}.every((each) => each)`);
  for (const key of ['secret:client7', 'borrow_rate:B']) {
    await page.evaluate(`(location.hash = '#key=${encodeURIComponent(key)}')`);
    await page.until(has('opened', key));
    assert.deepEqual(await page.evaluate(offered), [false, false], 'at once');
  }
  const polls = `performance.getEntriesByType('resource').filter(({ name }) => name.includes('/v1/hot-keys')).length`;
  const before: number = await page.evaluate(polls);
  await page.until(`${polls} > ${before} + 1`);
  assert.deepEqual(
    await page.evaluate(offered),
    [false, false],
    'after the page has asked for its rights again',
  );
  await page.evaluate(`(location.hash = '#key=${encodeURIComponent(KEY)}')`);
  await page.until(`${offered}.every((each) => each)`);
});

test('the page says that it cannot show the keys . and .., and opens the next key as usual', async () => {
  await put(open, KEY, '{"rate": 0.25}');
  const page = await pages.of(open, `#key=${encodeURIComponent(KEY)}`);
  await page.until(`${tiers} >= 2`);
  for (const key of ['.', '..']) {
    await page.evaluate(find(key));
    await page.until(has('opened', `Run: ratecache explain ${key}`));
    assert.equal(await page.evaluate(`document.querySelector('#opened h3').innerText`), key);
    const shown: string = await page.evaluate(text('opened'));
    assert.match(shown, /This page cannot show the keys \. and \.\./);
    assert.doesNotMatch(shown, /Delete|Mark|Refresh|L1 of|Value/);
  }
  assert.deepEqual(
    page.requested.filter((url) => /\/v1\/((explain|cache)\/?)?$/.test(url)),
    [],
    'no request without the key',
  );
  await openKey(page, KEY);
  await page.until(`${tiers} >= 2 && ${offers('Delete…', '#opened')}`);
});

/** Asks for the deletion of the open key, and confirms it. */
async function deleteOpenKey(page: Page): Promise<void> {
  await page.until(offers('Delete…', '#opened'));
  await page.evaluate(press('Delete…', '#opened'));
  await page.evaluate(press('Delete the key', QUESTION));
}

/** The page has asked for the key once more, and has shown the answer. */
async function refreshed(page: Page): Promise<void> {
  const asked = `performance.getEntriesByType('resource').filter(({ name }) => name.includes('/v1/explain/')).length`;
  const before: number = await page.evaluate(asked);
  await page.until(`(${press('Refresh', '#opened')}, ${asked} > ${before} + 1)`);
}

test('the outcome of a deletion names the key, and stays until the next key is opened', async () => {
  await put(open, KEY, '{"rate": 0.25}');
  const page = await pages.of(open, `#key=${encodeURIComponent(KEY)}`);
  await deleteOpenKey(page);
  await page.until(announced(`${KEY} was deleted.`));
  await refreshed(page);
  assert.ok(await page.evaluate(has('opened', `${KEY} was deleted.`)));
  await page.evaluate(find(OTHER));
  await page.until(`document.querySelector('#opened h3').innerText === '${OTHER}'`);
  assert.ok(!(await page.evaluate(has('opened', 'was deleted.'))));
});

test('a deletion that fails says so until the next action', async () => {
  await put(open, KEY, '{"rate": 0.25}');
  const page = await pages.of(open, `#key=${encodeURIComponent(KEY)}`);
  await page.evaluate(answered('DELETE', `Response.json({ title: 'Not allowed' }, { status: 403 })`));
  await deleteOpenKey(page);
  await page.until(announced(`${KEY} was not deleted: Not allowed`));
  await refreshed(page);
  assert.ok(await page.evaluate(has('opened', `${KEY} was not deleted: Not allowed`)));
  await page.evaluate(answered('DELETE', `Promise.reject(new TypeError('no connection'))`));
  await deleteOpenKey(page);
  await page.until(has('opened', `It is not known whether ${KEY} was deleted: The service does not answer.`));
  await page.evaluate(answered('DELETE', 'new Response(null, { status: 202 })'));
  await deleteOpenKey(page);
  await page.until(has('opened', `${KEY} will be deleted when Redis is reachable.`));
  assert.ok(!(await page.evaluate(has('opened', 'It is not known'))));
  await page.evaluate(answeredAsBefore);
  assert.equal((await get(open, KEY)).status, 200);
});

test('the outcome of a deletion takes no focus from a key that was opened meanwhile', async () => {
  for (const key of [KEY, OTHER]) await put(open, key, '0.5');
  const page = await pages.of(open, `#key=${encodeURIComponent(KEY)}`);
  await page.evaluate(
    answered('DELETE', 'await new Promise((resolve) => (window.release = resolve)).then(answer)'),
  );
  await deleteOpenKey(page);
  await page.until(`window.release !== undefined`);
  await page.evaluate(find(OTHER));
  await page.until(`document.querySelector('#opened h3').innerText === '${OTHER}' && ${tiers} >= 2`);
  await page.evaluate(`(document.querySelector('#finder input').focus(), release())`);
  await page.until(announced(`${KEY} was deleted.`));
  await refreshed(page);
  assert.ok(await page.evaluate(has('opened', `${KEY} was deleted.`)));
  assert.equal(
    await page.evaluate('document.activeElement === document.querySelector("#finder input")'),
    true,
  );
});

test('a value with too many levels is not shown, and the page says so', async () => {
  await put(open, KEY, '1');
  const page = await pages.of(open, `#key=${encodeURIComponent(KEY)}`);
  await page.until(has('feed', 'connected'));
  await page.until(`${tiers} >= 2`);
  const levels = 100_000;
  assert.equal((await put(open, KEY, '['.repeat(levels) + ']'.repeat(levels))).status, 204);
  await page.until(has('opened', `This value has too many levels for this page. Run: ratecache get ${KEY}`));
  assert.match(await page.evaluate(text('opened')), /L1 of/);
  await put(open, KEY, '"shallow"');
  await page.until(has('opened', 'value: "shallow"'));
});

test('an answer about the open key that the page does not understand is a fault', async () => {
  const page = await pages.of(open);
  await page.until(has('feed', 'connected'));
  await page.evaluate(answered('GET /v1/explain', 'Response.json({})'));
  await page.evaluate(find(KEY));
  await page.until(has('opened', 'This page cannot show the answer:'));
  assert.ok(await page.evaluate(has('opened', 'This key could not be explained.')));
});

/** Requests of the page for its open key. */
const loads = ({ requested }: Page) => requested.filter((url) => url.includes('/v1/explain/')).length;

const hide = (hidden: boolean) =>
  `(Object.defineProperty(document, 'hidden', { value: ${hidden}, configurable: true }), document.dispatchEvent(new Event('visibilitychange')))`;

test('changes of the open key cause one request at a time, and one more after the latest change', async () => {
  await put(open, KEY, '0');
  const page = await pages.of(open, `#key=${encodeURIComponent(KEY)}`);
  await page.until(has('feed', 'connected'));
  await page.until(`${tiers} >= 2`);
  await page.evaluate(
    answered(
      'GET /v1/explain/',
      '(window.asked = (window.asked ?? 0) + 1, new Promise((resolve) => (window.release = resolve)).then(answer))',
    ),
  );
  await page.until(`(${press('Refresh', '#opened')}, window.asked === 1)`);
  for (let i = 1; i <= 3; i++) {
    await put(open, KEY, `"change ${i}"`);
    await page.until(has('feed', `"change ${i}"`));
    await page.evaluate('new Promise((resolve) => setTimeout(resolve, 500))');
  }
  assert.equal(await page.evaluate('asked'), 1);
  await page.evaluate('release()');
  await page.until('asked === 2');
  await page.evaluate('release()');
  await page.until(`document.querySelector('.tree').innerText.includes('change 3')`);
  assert.equal(await page.evaluate('asked'), 2);
});

test('a hidden page asks for the open key when it is visible again', async () => {
  await put(open, KEY, '0');
  const page = await pages.of(open, `#key=${encodeURIComponent(KEY)}`);
  await page.until(has('feed', 'connected'));
  await page.until(`${tiers} >= 2`);
  await page.evaluate('new Promise((resolve) => setTimeout(resolve, 1000))');
  await page.evaluate(hide(true));
  const before = loads(page);
  await put(open, KEY, '"hidden"');
  await page.until(has('feed', '"hidden"'));
  await page.evaluate('new Promise((resolve) => setTimeout(resolve, 1000))');
  assert.equal(loads(page), before);
  await page.evaluate(hide(false));
  await page.until(`document.querySelector('.tree').innerText.includes('hidden')`);
  assert.equal(loads(page), before + 1);
});

test('a key has the focus as soon as it is opened, and its answers do not take the focus', async () => {
  await put(open, KEY, '0');
  const page = await pages.of(open);
  await page.until(has('feed', 'connected'));
  await page.evaluate(
    answered('GET /v1/explain/', 'new Promise((resolve) => (window.release = resolve)).then(answer)'),
  );
  await page.evaluate(find(KEY));
  assert.equal(await page.evaluate('document.activeElement.id'), 'opened');
  await page.until('window.release !== undefined');
  await page.evaluate(`(document.querySelector('#feed input').focus(), release())`);
  await page.until(`${tiers} >= 2`);
  await page.evaluate('new Promise((resolve) => setTimeout(resolve, 100))');
  assert.ok(await page.evaluate(`document.activeElement === document.querySelector('#feed input')`));
});
