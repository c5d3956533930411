/** Marks in the live page, in Chromium. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { get, post, put } from '../support/client.ts';
import { announced, has, offers, openKey, press, signIn, stageOfFile, text } from '../support/ui-page.ts';

const KEY = 'borrow_rate:HALT';
const REASON = 'until the <b>open</b>';

const { open, closed, tokens, pages } = await stageOfFile({
  reader: { scopes: ['read'] },
  writer: { scopes: ['read', 'write'] },
  admin: { scopes: ['read', 'write', 'admin'] },
});

const inFeed = (part: string) =>
  `document.querySelector('#feed tbody').innerText.includes(${JSON.stringify(part)})`;

test('a key is marked in the page, its value is still shown there, and the mark can be removed', async () => {
  await put(open, KEY, '{"rate": 0.5}');
  const page = await pages.of(open);
  await page.until(has('feed', 'connected'));
  await openKey(page, KEY);
  await page.until(offers('Mark…', '#opened'));
  await page.evaluate(press('Mark…', '#opened'));
  await page.evaluate(`document.querySelector('#dialog select').value = 'halted'`);
  await page.press('Tab');
  await page.type(REASON);
  await page.press('Enter');
  await page.until(announced(`${KEY} was marked as halted.`));

  assert.equal((await get(open, KEY)).status, 503);
  await page.until(has('opened', `This key is halted: ${REASON}.`));
  await page.until(`document.querySelector('#opened .tree').innerText.includes('rate: 0.5')`);
  await page.until(has('marks', REASON));
  await page.until(inFeed('quality'));

  await page.evaluate(press('Remove…', '#marks'));
  assert.equal(await page.evaluate('document.activeElement.innerText'), 'Cancel');
  await page.press('Escape');
  await page.until(`!document.getElementById('dialog').open`);
  assert.equal((await get(open, KEY)).status, 503, 'Escape changes nothing');
  await page.evaluate(press('Remove…', '#marks'));
  assert.match(await page.evaluate(text('dialog')), /borrow_rate:HALT: halted, until the/);
  await page.evaluate(press('Remove the mark', '#dialog'));
  await page.until(announced('The mark was removed.'));
  await until(async () => (await get(open, KEY)).status === 200);
  await page.until(has('marks', 'None.'));
  await page.until(`document.querySelector('#opened .quality').innerText === ''`);
});

test('a mark that has ended meanwhile does not count as a fault', async () => {
  const { id } = (await (
    await post(open, '/v1/marks', { keys: [KEY], state: 'suspect', reason: REASON, ttl: 600 })
  ).json()) as { id: string };
  const page = await pages.of(open);
  await page.until(offers('Remove…', '#marks'));
  await page.evaluate(press('Remove…', '#marks'));
  await open.fetch(`/v1/marks/${id}`, { method: 'DELETE' });
  await page.evaluate(press('Remove the mark', '#dialog'));
  await page.until(announced('The mark had ended already.'));
});

test('only a token that may remove a mark is offered to: keys need write, types and prefixes need admin', async () => {
  const marks = [{ keys: Array.from({ length: 900 }, (_, i) => `other:${i}`) }, { types: ['volatility'] }];
  for (const selection of marks)
    await post(open, '/v1/marks', { ...selection, state: 'suspect', reason: REASON, ttl: 600 });
  const offered: Record<string, number> = {};
  for (const name of ['reader', 'writer', 'admin']) {
    const page = await pages.of(closed);
    await signIn(page, tokens.tokens[name]!);
    await page.until(`document.querySelectorAll('#marks tbody tr').length === 2`);
    offered[name] = await page.evaluate(
      `[...document.querySelectorAll('#marks button')].filter((each) => each.checkVisibility()).length`,
    );
    assert.match(await page.evaluate(text('marks')), /other:4 and 895 more/);
    await page.evaluate('sessionStorage.clear()');
  }
  assert.deepEqual(offered, { reader: 0, writer: 1, admin: 2 });
});

test('a dead source is listed in words and in colour', async () => {
  await open.fetch('/v1/sources/feed', {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ types: ['event_risk'], ttl: 0.001 }),
  });
  const page = await pages.of(open);
  await page.until(`document.querySelector('#sources .state.dead')?.innerText === 'dead'`);
});
