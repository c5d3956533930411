/** Lists of the live page whose rows change while one of them has the focus, in Chromium. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import type { Page } from '../support/chromium.ts';
import { get, jsonOf, post, put } from '../support/client.ts';
import { announced, has, press, QUESTION, stageOfFile, text } from '../support/ui-page.ts';

const PAUSED = ' – paused';

const { open, pages } = await stageOfFile({});

const focused = 'document.activeElement.innerText';
const rows = (id: string) => `document.querySelector('#${id} tbody').innerText`;
const opened = (key: string) => `document.querySelector('#opened h3').innerText === '${key}'`;

/** Focuses the button of this key, as Tab does. */
const focus = (id: string, key: string) =>
  `[...document.querySelectorAll('#${id} tbody button')].find((each) => each.innerText === '${key}')?.focus()`;

/** Changes that the feed has received. It counts them also while it is paused. */
const received = `Number(/([\\d,]+) changes since/.exec(${text('feed')})[1].replaceAll(',', ''))`;

/** Waits until the page has asked for this path again, and has shown the answer. */
async function polled(page: Page, path: string): Promise<void> {
  const asked = `performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('${path}')).length`;
  const before: number = await page.evaluate(asked);
  await page.until(`${asked} > ${before} + 1`);
}

test('a row of the feed keeps its key while it has the focus, and the feed continues afterwards', async () => {
  const page = await pages.of(open);
  await page.until(has('feed', 'connected'));
  await put(open, 'other:chosen', '1');
  await page.until(`${rows('feed')}.includes('other:chosen')`);
  await page.evaluate(focus('feed', 'other:chosen'));
  await page.until(has('feed', PAUSED));
  const before: number = await page.evaluate(received);
  await put(open, 'other:later', '1');
  await page.until(`${received} > ${before}`);
  assert.equal(await page.evaluate(focused), 'other:chosen');
  assert.ok(!(await page.evaluate<string>(rows('feed'))).includes('other:later'));
  await page.press('Enter');
  await page.until(opened('other:chosen'));
  await page.until(`${rows('feed')}.includes('other:later')`);
  assert.ok(!(await page.evaluate<string>(text('feed'))).includes(PAUSED));
});

test('Tab from row to row of the feed does not end the pause', async () => {
  const page = await pages.of(open);
  await page.until(has('feed', 'connected'));
  for (const key of ['other:first', 'other:second']) {
    await put(open, key, '1');
    await page.until(`${rows('feed')}.includes('${key}')`);
  }
  await page.evaluate(focus('feed', 'other:second'));
  const before: number = await page.evaluate(received);
  await put(open, 'other:third', '1');
  await page.press('Tab');
  await page.until(`${received} > ${before}`);
  assert.equal(await page.evaluate(focused), 'other:first');
  assert.ok(!(await page.evaluate<string>(rows('feed'))).includes('other:third'));
  await page.evaluate('document.activeElement.blur()');
  await page.until(`${rows('feed')}.includes('other:third')`);
});

test('a pause moves no row, so a click stays on its key, and the focus of a row is not cut off', async () => {
  await put(open, 'other:still', '1');
  const page = await pages.of(open);
  await page.until(has('feed', 'connected'));
  await post(open, '/v1/marks', { keys: ['other:still'], state: 'suspect', reason: 'why', ttl: 600 });
  await put(open, 'other:still', '2');
  await page.until(`${rows('feed')}.includes('other:still')`);
  await page.until(`document.querySelector('#marks tbody button') !== null`);
  await readUntilHottest('other:still');
  await page.until(`document.querySelector('#hottest tbody button') !== null`);
  for (const width of [360, 1280]) {
    await page.resize({ width, height: 900 });
    for (const id of ['feed', 'hottest', 'marks']) {
      const moved = await page.evaluate(`(() => {
        const button = document.querySelector('#${id} tbody button:enabled');
        const box = button.closest('.scroll');
        const before = button.getBoundingClientRect().top;
        // As the mouse does.
        button.focus({ preventScroll: true, focusVisible: false });
        const { top, left } = button.getBoundingClientRect();
        return [top - before, box.querySelector('caption').innerText.endsWith('${PAUSED}'), box.scrollLeft > 0 || left - box.getBoundingClientRect().left >= 4];
      })()`);
      assert.deepEqual(moved, [0, true, true], `${id} at ${width} px`);
    }
  }
  await post(open, '/v1/unmark', { keys: ['other:still'] });
});

interface Hot {
  readonly reads: readonly { readonly key: string }[];
}

const hottest = async () => ((await jsonOf(await open.fetch('/v1/hot-keys'))) as Hot).reads[0]?.key;

async function readUntilHottest(key: string): Promise<void> {
  await until(async () => {
    await Promise.all(Array.from({ length: 500 }, async () => (await get(open, key)).arrayBuffer()));
    return (await hottest()) === key;
  });
}

test('a row of the most read keys keeps its key while it has the focus', async () => {
  for (const key of ['other:warm', 'other:hot']) await put(open, key, '1');
  await readUntilHottest('other:warm');
  const page = await pages.of(open);
  await page.until(`${rows('hottest')}.includes('other:warm')`);
  await page.evaluate(focus('hottest', 'other:warm'));
  await page.until(has('hottest', `Most read${PAUSED}`));
  await readUntilHottest('other:hot');
  await polled(page, '/v1/hot-keys');
  assert.equal(await page.evaluate(focused), 'other:warm');
  await page.press('Enter');
  await page.until(opened('other:warm'));
  await page.until(`${rows('hottest')}.startsWith('other:hot')`);
  assert.ok(!(await page.evaluate<string>(text('hottest'))).includes(PAUSED));
});

test('the button that removes a mark keeps its mark while it has the focus', async () => {
  const mark = async (key: string) => {
    const answer = await post(open, '/v1/marks', { keys: [key], state: 'suspect', reason: 'why', ttl: 600 });
    return ((await jsonOf(answer)) as { id: string }).id;
  };
  const ids = [await mark('other:m1'), await mark('other:m2')];
  const page = await pages.of(open);
  await page.until(`document.querySelectorAll('#marks tbody tr').length === 2`);
  const [first, last]: [string, string] = await page.evaluate(
    `[...document.querySelectorAll('#marks tbody th')].map((each) => each.innerText)`,
  );
  await page.evaluate(`document.querySelectorAll('#marks tbody button')[1].focus()`);
  await open.fetch(`/v1/marks/${ids[first === 'other:m1' ? 0 : 1]}`, { method: 'DELETE' });
  await polled(page, '/v1/marks');
  assert.ok((await page.evaluate<string>(text('marks'))).includes(PAUSED));
  await page.press('Enter');
  await page.until(`document.querySelector('${QUESTION}')?.innerText.includes(${JSON.stringify(last)})`);
  await page.evaluate(press('Remove the mark', QUESTION));
  await page.until(announced('The mark was removed.'));
  await page.until(has('marks', 'None.'));
});
