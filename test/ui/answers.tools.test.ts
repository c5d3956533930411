/** The live page with answers that are old, late, damaged or from another program, in Chromium. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from '../support/chromium.ts';
import { put } from '../support/client.ts';
import { answered, answeredAsBefore, has, signIn, stageOfFile, text } from '../support/ui-page.ts';

// The sources serve each module of the page by itself. A test below imports one.
delete process.env.RATECACHE_BINARY;

const { open, closed, tokens, pages } = await stageOfFile({ reader: { scopes: ['read'] } });

const shown = async (): Promise<Page> => {
  const page = await pages.of(open);
  await page.until(`${text('state')} === 'healthy' && !${text('tiles')}.includes('no sample yet')`);
  return page;
};

test('a page that receives no new samples says how old its figures are', async () => {
  const page = await shown();
  assert.doesNotMatch(await page.evaluate(text('reasons')), /figures/);
  await page.evaluate(
    answered('GET /v1/history', 'Response.json({ ...await (await answer()).json(), samples: [] })'),
  );
  await page.evaluate('((now) => { Date.now = () => now() + 31_000; })(Date.now)');
  await page.until(`/The figures on this page are from \\d\\d:\\d\\d:\\d\\d\\./.test(${text('reasons')})`);
  assert.equal(await page.evaluate(text('state')), 'healthy');
  await page.evaluate(answeredAsBefore);
  await page.until(has('reasons', 'No fault is known.'));
});

test('a value without a neighbour is shown as a point', async () => {
  const page = await shown();
  const drawn: number[] = await page.evaluate(`(async () => {
    const { Chart } = await import('/ui/charts.ts');
    const chart = new Chart({ title: 'Test', lines: [{ label: 'a', colour: 'series-1' }, { label: 'b', colour: 'series-4' }], format: String });
    document.getElementById('plots').append(chart.box);
    const pixels = (name) => {
      const canvas = chart.box.querySelector('canvas');
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      const probe = document.body.appendChild(document.createElement('span'));
      probe.style.color = 'var(--' + name + ')';
      const [r, g, b] = getComputedStyle(probe).color.match(/\\d+/g).map(Number);
      let count = 0;
      for (let i = 0; i < data.length; i += 4)
        if (data[i] === r && data[i + 1] === g && data[i + 2] === b && data[i + 3] === 255) count++;
      return count;
    };
    const now = Date.now();
    const xs = [60, 50, 40, 30, 20].map((ago) => now / 1000 - ago);
    const show = async (...series) => {
      chart.show(xs, series, now);
      await new Promise((resolve) => setTimeout(resolve, 100));
      return [pixels('series-1'), pixels('series-4')];
    };
    const none = [null, null, null, null, null];
    return [...(await show(none, none)), ...(await show([null, 5, null, null, null], [null, null, null, null, 5]))];
  })()`);
  assert.deepEqual(drawn.slice(0, 2), [0, 0]);
  for (const count of drawn.slice(2)) assert.ok(count > 10, `${drawn} pixels`);
});

/** Waits until the page has asked for its figures twice more. */
async function polled(page: Page): Promise<void> {
  const polls = `performance.getEntriesByType('resource').filter(({ name }) => name.includes('/v1/history')).length`;
  const before: number = await page.evaluate(polls);
  await page.until(`${polls} > ${before} + 1`);
}

for (const path of ['/v1/history', '/v1/hot-keys'])
  test(`while the service refuses ${path}, the state does not change in each poll`, async () => {
    const page = await shown();
    await page.evaluate(
      answered(`GET ${path}`, `(await answer(), Response.json({ title: 'Not now' }, { status: 503 }))`),
    );
    await page.until(`${text('state')} === 'refused'`);
    await page.evaluate(
      `(window.changes = 0, new MutationObserver(() => changes++).observe(document.getElementById('state'), { childList: true, characterData: true, subtree: true }))`,
    );
    await polled(page);
    assert.equal(await page.evaluate('changes'), 0);
    assert.ok(await page.evaluate(has('reasons', 'Not now')));
    await page.evaluate(answeredAsBefore);
    await page.until(`${text('state')} === 'healthy' && ${has('reasons', 'No fault is known.')}`);
  });

test('a page that does not understand an answer says so, and shows the other parts', async () => {
  const page = await shown();
  await page.evaluate(answered('GET /v1/replicas', `Response.json(null)`));
  await page.until(`${text('state')} === 'page fault'`);
  await page.until(has('reasons', 'This page cannot show all that the service answered.'));
  assert.match(await page.evaluate('document.title'), /^page fault/);
  await put(open, 'other:shown', '1');
  await page.until(has('feed', 'other:shown'));
  await page.evaluate(answeredAsBefore);
  await page.until(`${text('state')} === 'healthy' && ${has('reasons', 'No fault is known.')}`);
});

test('a plot that cannot be drawn is a fault, and the other parts are shown', async () => {
  const page = await shown();
  await page.evaluate(
    `document.querySelectorAll('#replica-table tbody tr').forEach((each) => each.remove())`,
  );
  await page.evaluate(
    answered(
      'GET /v1/history',
      `answer().then((each) => each.json()).then((body) => Response.json({ ...body, samples: body.samples.map(({ latency, ...rest }) => rest) }))`,
    ),
  );
  await page.until(`${text('state')} === 'page fault'`);
  await page.until(`document.querySelectorAll('#replica-table tbody tr').length > 0`);
});

test('a page that understands no answer says so before it shows anything', async () => {
  const page = await pages.of(closed);
  await page.until(`!document.getElementById('sign-in').hidden`);
  await page.evaluate(answered('GET /v1/history', 'Response.json({})'));
  await signIn(page, tokens.tokens.reader!);
  await page.until(has('fault', 'This page cannot show all that the service answered.'));
  await page.evaluate(answeredAsBefore);
  await page.until(`${text('state')} === 'healthy'`);
});

test('the pattern of the search is suggested once, so a field that is being edited stays empty', async () => {
  const page = await shown();
  const pattern = `document.querySelector('#finder input').value`;
  assert.equal(await page.evaluate(pattern), '*');
  await page.evaluate(`(${pattern} = '')`);
  await polled(page);
  assert.equal(await page.evaluate(pattern), '');
});
