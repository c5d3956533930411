/** Marks in the live page, in Chromium. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import type { Page } from '../support/chromium.ts';
import { get, jsonOf, post, put } from '../support/client.ts';
import {
  announced,
  answered,
  answeredAsBefore,
  has,
  isAsked,
  offers,
  openKey,
  press,
  QUESTION,
  signIn,
  stageOfFile,
  text,
} from '../support/ui-page.ts';

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
  await page.evaluate(`document.querySelector('${QUESTION} select').value = 'halted'`);
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
  await page.until(`!(${isAsked})`);
  assert.equal((await get(open, KEY)).status, 503, 'Escape changes nothing');
  await page.evaluate(press('Remove…', '#marks'));
  assert.match(
    await page.evaluate(`document.querySelector('${QUESTION}').innerText`),
    /borrow_rate:HALT: halted, until the/,
  );
  await page.evaluate(press('Remove the mark', QUESTION));
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
  await page.evaluate(press('Remove the mark', QUESTION));
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

/** Marks the key in the service, and returns the id of the mark. */
async function marked(key: string): Promise<string> {
  const answer = await post(open, '/v1/marks', { keys: [key], state: 'suspect', reason: REASON, ttl: 600 });
  return ((await jsonOf(answer)) as { id: string }).id;
}

/** The page has asked for the marks once more, and has shown the answer. */
async function polled(page: Page): Promise<void> {
  const asked = `performance.getEntriesByType('resource').filter((each) => each.name.endsWith('/v1/marks')).length`;
  const before: number = await page.evaluate(asked);
  await page.until(`${asked} > ${before} + 1`);
}

test('the marks outlive a 404 of a proxy, and are hidden only while ratecache has no such endpoint', async () => {
  const page = await pages.of(open, `#key=${KEY}`);
  const shown = `document.getElementById('marks').checkVisibility() && ${offers('Mark…', '#opened')}`;
  await page.until(shown);
  const list = 'GET /v1/marks';
  await page.evaluate(
    answered(list, `(await answer(), new Response('<h1>Not found</h1>', { status: 404 }))`),
  );
  await polled(page);
  assert.ok(await page.evaluate(shown));
  await page.evaluate(answered(list, `Response.json({ code: 'not_found' }, { status: 404 })`));
  await page.until(`!(${shown})`);
  await page.evaluate(answeredAsBefore);
  await page.until(shown);
});

test('an earlier answer that arrives late does not replace a later list of marks', async () => {
  const page = await pages.of(open, `#key=${encodeURIComponent(KEY)}`);
  await page.until(offers('Mark…', '#opened'));
  await page.evaluate(
    answered(
      'GET /v1/marks',
      `window.release ? answer() : Response.json(await (await answer()).json(), await new Promise((resolve) => (window.release = resolve)))`,
    ),
  );
  await page.until('window.release !== undefined');
  await page.evaluate(press('Mark…', '#opened'));
  await page.press('Tab');
  await page.type('late');
  await page.press('Enter');
  await page.until(has('marks', 'late'));
  await page.evaluate('(release(), new Promise((resolve) => setTimeout(resolve, 200)))');
  assert.ok(await page.evaluate(has('marks', 'late')));
  await post(open, '/v1/unmark', { keys: [KEY] });
});

test('the fault of a removal that failed is shown until the mark has gone', async () => {
  const id = await marked(KEY);
  const page = await pages.of(open);
  const button = `[...document.querySelectorAll('#marks button')].find((each) => each.ariaLabel.includes('${KEY}'))`;
  await page.until(`${button} !== undefined`);
  await page.evaluate(answered('DELETE', `Response.json({ title: 'Not now' }, { status: 503 })`));
  await page.evaluate(`${button}.click()`);
  await page.evaluate(press('Remove the mark', QUESTION));
  const fault = `The mark of ${KEY} was not removed: Not now`;
  await page.until(has('marks', fault));
  await polled(page);
  assert.ok(await page.evaluate(has('marks', fault)));
  await open.fetch(`/v1/marks/${id}`, { method: 'DELETE' });
  await page.until(`!${has('marks', fault)}`);
});
