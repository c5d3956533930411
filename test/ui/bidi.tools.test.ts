/** Keys, values and names with right-to-left characters in the live page, in Chromium. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from '../support/chromium.ts';
import { get, post, put } from '../support/client.ts';
import { announced, find, has, offers, openKey, press, QUESTION, stageOfFile } from '../support/ui-page.ts';

const HEBREW = 'borrow_rate:שלום:123';
const ARABIC = 'سعر:7:غزة';
const REASON = 'אין נתונים';
const VALUE = { שם: 'ערך', n: [12, 'عدد', 34] };

const { open, pages } = await stageOfFile({});

/** Fails unless a reader sees these pieces from left to right, or on later lines, in the first such element that has them all. */
async function assertOrder(page: Page, selector: string, pieces: readonly string[]): Promise<void> {
  const places: readonly (readonly [top: number, left: number])[] = await page.until(`(() => {
    const pieces = ${JSON.stringify(pieces)};
    for (const place of document.querySelectorAll(${JSON.stringify(selector)})) {
      if (!place.checkVisibility()) continue;
      const walker = document.createTreeWalker(place, NodeFilter.SHOW_TEXT);
      const nodes = [];
      while (walker.nextNode()) nodes.push(walker.currentNode);
      const whole = nodes.map(({ data }) => data).join('');
      let from = 0;
      const placeOf = (piece) => {
        const at = whole.indexOf(piece, from);
        if (at < 0) return undefined;
        from = at + piece.length;
        let before = 0;
        const range = document.createRange();
        for (const node of nodes) {
          if (at < before + node.length) {
            range.setStart(node, at - before);
            range.setEnd(node, Math.min(node.length, at - before + piece.length));
            const { bottom, left } = range.getClientRects()[0];
            return [Math.round(bottom), left];
          }
          before += node.length;
        }
      };
      const found = pieces.map(placeOf);
      if (found.every((each) => each !== undefined)) return found;
    }
  })()`);
  for (const [i, [line, left]] of places.entries()) {
    const [lineBefore, leftBefore] = places[i - 1] ?? [line, Number.NEGATIVE_INFINITY];
    assert.ok(
      line > lineBefore + 4 || left > leftBefore,
      `${selector}: ${pieces[i]} after ${pieces[i - 1]}: ${JSON.stringify(places)}`,
    );
  }
}

test('keys and values with Hebrew and Arabic letters do not reorder the texts around them', async () => {
  const page = await pages.of(open);
  await page.until(has('feed', 'connected'));
  await put(open, HEBREW, JSON.stringify(VALUE));
  await put(open, ARABIC, '1');
  // Of 127 reads, at least one is drawn for the list of the hottest keys.
  for (let i = 0; i < 127; i++) await (await get(open, HEBREW)).arrayBuffer();
  const partsOf = (key: string) => key.split(':');
  await openKey(page, HEBREW);
  await assertOrder(page, '#feed button.link', partsOf(HEBREW));
  await assertOrder(page, '#feed button.link', partsOf(ARABIC));
  await assertOrder(page, '#hottest button.link', partsOf(HEBREW));
  await assertOrder(page, '#opened h3', partsOf(HEBREW));
  await assertOrder(page, '.tree .leaf', ['שם', ': ', 'ערך']);
  await assertOrder(page, '.tree .leaf', ['1', ': ', 'عدد']);
  await page.evaluate(find('*'));
  await assertOrder(page, '#finder button.link', partsOf(ARABIC));

  // A change of the open key has its value as one text.
  await put(open, HEBREW, JSON.stringify({ ...VALUE, new: true }));
  await assertOrder(page, '#opened td', ['{', 'שם', ': ', 'ערך', ', ', 'n', '12', 'عدد', ', ', '34', 'new']);

  await page.until(offers('Delete…', '#opened'));
  await page.evaluate(press('Delete…', '#opened'));
  await assertOrder(page, `${QUESTION} p`, [...partsOf(HEBREW), ' is deleted from Redis']);
  await page.press('Escape');
});

test('a reader copies the key without a change', async () => {
  const page = await pages.of(open);
  await put(open, HEBREW, '1');
  await openKey(page, HEBREW);
  const copied: string = await page.evaluate(
    `(getSelection().selectAllChildren(document.querySelector('#opened h3')), getSelection().toString())`,
  );
  assert.equal(copied, HEBREW);
  assert.equal(await page.evaluate(`document.querySelector('#opened h3').textContent`), HEBREW);
});

test('reasons of marks, and the keys of marks and sources, do not reorder the texts around them', async () => {
  await put(open, HEBREW, '1');
  const mark = { keys: [ARABIC, HEBREW], state: 'suspect', reason: REASON, ttl: 600 };
  assert.equal((await post(open, '/v1/marks', mark)).status, 201);
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ types: ['event_risk'], prefixes: [ARABIC], ttl: 600 });
  assert.equal((await open.fetch('/v1/sources/desk', { method: 'PUT', headers, body })).status, 200);

  const page = await pages.of(open);
  await openKey(page, HEBREW);
  await assertOrder(page, '#sources tr', [
    'desk',
    'alive',
    'every event_risk',
    'begins with ',
    ...ARABIC.split(':'),
  ]);
  await assertOrder(page, '#opened .quality', ['This key is suspect: ', REASON, '. Readers']);
  await assertOrder(page, '#marks tbody th', [...ARABIC.split(':'), ', ', ...HEBREW.split(':')]);
  await page.until(offers('Remove…', '#marks'));
  await page.evaluate(press('Remove…', '#marks'));
  await assertOrder(page, `${QUESTION} p`, ['123', ': suspect, ', REASON, '. Without']);
  await page.evaluate(press('Remove the mark', QUESTION));
  await page.until(announced('The mark was removed.'));
});
