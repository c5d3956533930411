/** The form of the live page that asks for a token, in Chromium. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startReplica } from '../../loadtest/target/replicas.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { has, press, signIn, stageOfFile, text } from '../support/ui-page.ts';

// The sources serve each module of the page by itself. A test below imports one.
delete process.env.RATECACHE_BINARY;

const { redis, open, closed, tokens, pages } = await stageOfFile({ reader: { scopes: ['read'] } });

test('a text that cannot be a token is refused with a sentence, and the form accepts a token afterwards', async () => {
  const page = await pages.of(closed);
  for (const wrong of ['тoken', 'token…', 'tok\u200ben', 'töken', 'two words']) {
    await signIn(page, wrong);
    await page.until(has('sign-in-fault', 'This is not a token.'));
    assert.equal(await page.evaluate(`document.getElementById('token').value`), '');
    await page.evaluate(`document.getElementById('sign-in-fault').replaceChildren()`);
  }
  assert.equal(await page.evaluate('sessionStorage.length'), 0);
  await signIn(page, tokens.tokens.reader!);
  await page.until(has('process', 'token of reader'));
});

test('a stored text that cannot be a token counts as none', async () => {
  const page = await pages.of(closed);
  await page.evaluate(
    `(window.isOld = true, sessionStorage.setItem('ratecache-token', 'тoken'), location.reload())`,
  );
  await page.until('window.isOld === undefined');
  await signIn(page, tokens.tokens.reader!);
  await page.until(has('process', 'token of reader'));
});

test('without room in the storage, the page keeps the token until it is loaded again', async () => {
  const page = await pages.of(closed);
  await page.evaluate(
    `(() => { for (let size = 2 ** 23; size >= 1; size /= 2) try { sessionStorage.setItem('full' + size, 'x'.repeat(size)); } catch {} })()`,
  );
  await signIn(page, tokens.tokens.reader!);
  await page.until(has('process', 'token of reader'));
  await page.until(has('feed', 'connected'));
  assert.equal(await page.evaluate(`sessionStorage.getItem('ratecache-token')`), null);
  await page.evaluate(press('Forget the token'));
  await page.until(`!document.getElementById('sign-in').hidden`);
  assert.equal(await page.evaluate(text('sign-in-fault')), '');
});

test('a browser that blocks the storage keeps a token too', async () => {
  const page = await pages.of(closed);
  const kept = await page.evaluate(`(async () => {
    Object.defineProperty(window, 'sessionStorage', { get() { throw new DOMException('blocked', 'SecurityError'); } });
    const { setToken, token } = await import('/ui/token.ts?again');
    const first = token();
    setToken('abc');
    return [first, token()];
  })()`);
  assert.deepEqual(kept, ['', 'abc']);
});

test('a refused host is shown as such, without a form for a token, and the page recovers', async (t) => {
  const target = { port: open.port };
  const proxy = await startTcpProxy(target);
  t.after(() => proxy.close());
  const page = await pages.of({ url: `http://rates.localhost:${proxy.port}` });
  await page.until(has('fault', 'ALLOWED_HOSTS does not list the host of the request'));
  assert.equal(await page.evaluate(`document.getElementById('sign-in').hidden`), true);
  assert.equal(await page.evaluate(text('state')), 'refused');
  const listing = await startReplica(redis, { ALLOWED_HOSTS: 'rates.localhost' });
  t.after(() => listing.stop());
  target.port = listing.port;
  proxy.cut();
  await page.until(`${text('state')} === 'healthy'`);
  assert.equal(await page.evaluate(`document.getElementById('fault').checkVisibility()`), false);
  await page.until(has('feed', 'connected'));

  target.port = open.port;
  proxy.cut();
  await page.until(has('reasons', 'ALLOWED_HOSTS does not list the host of the request'));
  assert.equal(await page.evaluate(`document.getElementById('page').hidden`), false, 'the figures stay');
});
