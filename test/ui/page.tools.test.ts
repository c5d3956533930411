/** The live page in Chromium, against real services with a real Redis. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { startReplica } from '../../loadtest/target/replicas.ts';
import type { Service } from '../../loadtest/target/service.ts';
import type { Page } from '../support/chromium.ts';
import { del, get, post, put, readIntoL1 } from '../support/client.ts';
import {
  announced,
  find,
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

const KEY = 'borrow_rate:AAPL';
const WIDTHS = [360, 390, 1280, 2560];

const {
  redis,
  open: near,
  closed,
  tokens,
  pages,
} = await stageOfFile({
  reader: { scopes: ['read'], prefixes: ['borrow_rate:'] },
  writer: { scopes: ['read', 'write'] },
  blindfold: { scopes: ['write'] },
});
let far: Service;

before(async () => {
  far = await startReplica(redis);
  await put(
    near,
    KEY,
    '{"rate": 0.25, "id": 9007199254740993, "tiers": [1.0, {"deep": {"deeper": "<b>x</b>"}}]}',
  );
  await put(near, 'volatility:GME', '0.5');
  await readIntoL1(near, KEY);
});

after(() => far?.stop());

test('the page shows the state, the figures, every replica, and the server of Redis', async () => {
  const page = await pages.of(near);
  await page.until(`${text('state')} === 'healthy'`);
  await page.until(`document.querySelectorAll('#replica-table tbody tr').length === 3`);
  await page.until(`/7\\.0\\.\\d+/.test(${text('server-table')})`);
  assert.equal(await page.evaluate(`document.querySelectorAll('#plots canvas').length`), 11);
  await until(async () => {
    await readIntoL1(near, KEY);
    return /Hit rate\s+\d/.test(await page.evaluate(text('tiles')));
  });
});

test('percentiles are shown as estimates, with an explanation that screen readers read too', async () => {
  const page = await pages.of(near);
  const tile = (name: string) =>
    `[...document.querySelectorAll('.tile')].find((each) => each.querySelector('dt').innerText === '${name}').innerText`;
  for (const name of ['Read p99', 'Redis p95']) {
    const shown = await until(async () => {
      await readIntoL1(near, KEY);
      return page.evaluate<string>(`/[≈≥]/.test(${tile(name)}) && ${tile(name)}`);
    });
    assert.match(shown, /\n[≈≥] [\d.]+ (µs|ms|s)\n.*p50 [≈≥] [\d.]+ (µs|ms|s)$/);
  }
  assert.match(await page.evaluate(text('estimates')), /^≈ is an estimate/);
  const plots: string[] = await page.evaluate(
    `[...document.querySelectorAll('#plots figure')].filter((each) => each.innerText.includes('p50')).map((each) => each.querySelector('figcaption').textContent)`,
  );
  assert.equal(plots.length, 4);
  for (const caption of plots) assert.match(caption, / ≈ estimated from buckets/);
  assert.ok(
    plots.some((caption) => /p99: latest [≈≥] /.test(caption)),
    plots.join('\n'),
  );
  const others: string[] = await page.evaluate(
    `[...document.querySelectorAll('#plots figure')].filter((each) => !each.innerText.includes('p50')).map((each) => each.textContent)`,
  );
  assert.ok(!others.join('').includes('≈'));
});

test('the open key is shown in both tiers of every replica, and its value as a tree without loss', async () => {
  const page = await pages.of(near, `#key=${encodeURIComponent(KEY)}`);
  const table = `document.querySelector('#opened table')`;
  const tiers: string = await page.until(
    `${table}.tBodies[0].rows.length >= 4 ? ${table}.innerText : (${press('Refresh', '#opened')}, false)`,
  );
  assert.equal(tiers.match(/L1 of/g)?.length, 3);
  assert.match(tiers, /fresh/);
  assert.match(tiers, /Redis\s+value/);
  await page.until(`document.querySelector('.tree') !== null`);
  await page.evaluate(`document.querySelectorAll('.tree details').forEach((each) => { each.open = true; })`);
  const tree: string = await page.until(`document.querySelector('.tree').innerText`);
  assert.match(tree, /id: 9007199254740993/);
  assert.match(tree, /0: 1\.0/);
  assert.equal(
    await page.evaluate(`document.querySelector('.tree b')`),
    null,
    'a value is never read as HTML',
  );
});

test('changes of the open key and of others appear in the feed, and the filter selects', async () => {
  const page = await pages.of(near, `#key=${encodeURIComponent(KEY)}`);
  await page.until(has('feed', 'connected'));
  // The page is connected a moment before its subscription to the open key begins.
  await until(async () => {
    await put(far, KEY, '{"rate": 0.75}');
    return page.evaluate(has('opened', '{"rate": 0.75}'));
  });
  await put(far, 'volatility:TSLA', '1');
  await page.until(`document.querySelector('.tree').innerText.includes('rate: 0.75')`);
  await page.until(has('feed', 'volatility:TSLA'));
  await page.evaluate(
    `(document.querySelector('#feed input').value = 'volatility:*', document.querySelector('#feed input').dispatchEvent(new Event('input')))`,
  );
  const rows: string = await page.evaluate(`document.querySelector('#feed tbody').innerText`);
  assert.match(rows, /volatility:TSLA/);
  assert.doesNotMatch(rows, /borrow_rate|connected/);
});

test('a page that opens receives no list of every key over its WebSocket', async () => {
  const page = await pages.blank();
  await page.open('about:blank');
  await page.open(`${near.url}/ui`);
  await page.until(has('feed', 'connected'));
  await del(near, 'volatility:GME');
  await page.until(has('feed', 'volatility:GME'));
  const shown: string = await page.evaluate(`document.querySelector('#feed tbody').innerText`);
  assert.doesNotMatch(shown, /borrow_rate/);
  await put(near, 'volatility:GME', '0.5');
});

test('a deletion asks first: Escape changes nothing, and the confirmation deletes', async () => {
  const page = await pages.of(near);
  await put(near, 'event_risk:X', '1');
  await openKey(page, 'event_risk:X');
  await page.until(offers('Delete…', '#opened'));
  await page.evaluate(press('Delete…', '#opened'));
  assert.equal(
    await page.evaluate('document.activeElement.innerText'),
    'Cancel',
    'the safe answer has the focus',
  );
  await page.press('Escape');
  await page.until(`!(${isAsked})`);
  assert.equal((await get(near, 'event_risk:X')).status, 200);
  await page.evaluate(press('Delete…', '#opened'));
  await page.evaluate(press('Delete the key', QUESTION));
  await page.until(announced('event_risk:X was deleted.'));
  assert.equal((await get(far, 'event_risk:X')).status, 404);
});

test('the answer to a question does not answer another one that is opened in the same frame', async () => {
  const page = await pages.of(near);
  const [kept, deleted] = ['event_risk:KEPT', 'event_risk:DELETED'];
  for (const key of [kept, deleted]) {
    await put(near, key, '1');
    await openKey(page, key);
    await page.until(offers('Delete…', '#opened'));
  }
  const askedForKept = `(${find(kept)}, ${press('Delete…', '#opened')}, ${press('Cancel', QUESTION)})`;
  const askedForDeleted = `(${find(deleted)}, ${press('Delete…', '#opened')}, ${press('Delete the key', QUESTION)})`;
  await page.evaluate(`(${askedForKept}, ${askedForDeleted})`);
  await page.until(announced(`${deleted} was deleted.`));
  assert.equal((await get(near, deleted)).status, 404);
  assert.equal((await get(near, kept)).status, 200);
});

test('without a token, a service with tokens shows a form and no data', async () => {
  const page = await pages.of(closed);
  await page.until(`!document.getElementById('sign-in').hidden`);
  assert.equal(await page.evaluate(`document.getElementById('page').hidden`), true);
  assert.doesNotMatch(
    await page.evaluate('document.documentElement.outerHTML'),
    /borrow_rate:AAPL|volatility:GME/,
  );
});

async function signedIn(name: string): Promise<Page> {
  const page = await pages.of(closed);
  await signIn(page, tokens.tokens[name]!);
  return page;
}

test('the page of a token with prefixes shows its keys, and offers no deletion without the scope write', async () => {
  const page = await signedIn('reader');
  await openKey(page, KEY);
  await page.until(has('process', 'token of reader'));
  assert.doesNotMatch(await page.evaluate(text('opened')), /Delete…/);
  await page.until(has('feed', 'connected'));
  await put(near, 'volatility:SECRET', '1');
  await put(near, 'borrow_rate:OPEN', '1');
  await page.until(has('feed', 'borrow_rate:OPEN'));
  assert.doesNotMatch(await page.evaluate('document.body.innerText'), /volatility:SECRET/);
  await openKey(page, 'volatility:GME');
  await page.until(has('opened', 'the token does not allow this key'));
});

test('the token stays in this tab only, and can be forgotten', async () => {
  const page = await signedIn('writer');
  await page.until(has('process', 'token of writer'));
  assert.equal(await page.evaluate('localStorage.length'), 0);
  assert.equal(await page.evaluate('sessionStorage.length'), 1);
  await page.evaluate(press('Forget the token'));
  await page.until(`!document.getElementById('sign-in').hidden`);
  assert.equal(await page.evaluate('sessionStorage.length'), 0);
  assert.equal(await page.evaluate(`document.querySelectorAll('#hottest tbody tr').length`), 0);
});

test('a token without the scope read is refused with the reason', async () => {
  const page = await signedIn('blindfold');
  await page.until(has('sign-in-fault', 'the token lacks the scope read'));
  assert.equal(await page.evaluate(`document.getElementById('page').hidden`), true);
});

test('the longest figure fits into its tile at each width where the layout changes', async () => {
  const page = await pages.of(near);
  await page.until(`!${text('tiles')}.includes('no sample yet')`);
  for (const width of [360, 721, 961, 1280, 1600, 1920]) {
    await page.resize({ width, height: 900 });
    assert.deepEqual(await page.evaluate(LARGE_FIGURES), [], `${width} px`);
  }
});

test('the panels of a section leave no column empty, at each width where the layout changes', async () => {
  const page = await pages.of(near);
  await page.until(`['sources', 'marks'].every((id) => document.getElementById(id).checkVisibility())`);
  for (const width of [360, 1280, 1600, 1920, 2144, 2560]) {
    await page.resize({ width, height: 900 });
    assert.deepEqual(await page.evaluate(SHORT_ROWS), [], `${width} px`);
  }
});

test('every control can be reached by keyboard, has a name, and shows the focus', async () => {
  const page = await pages.of(near);
  await page.until(`document.querySelectorAll('#replica-table tbody tr').length > 0`);
  const controls = 'a, button, input, select, summary, [tabindex="0"]';
  const nameless: string[] = await page.evaluate(
    `[...document.querySelectorAll('${controls}')].filter((each) => each.checkVisibility() && !(each.innerText || each.ariaLabel || each.labels?.length)).map((each) => each.outerHTML)`,
  );
  assert.deepEqual(nameless, []);
  const announcedAs = await page.controls();
  assert.ok(announcedAs.length > 20, `${announcedAs.length} controls in the accessibility tree`);
  assert.deepEqual(
    announcedAs.filter(({ name }) => name.trim() === ''),
    [],
  );
  const wanted: number = await page.evaluate(
    `[...document.querySelectorAll('${controls}')].filter((each) => each.checkVisibility() && !each.disabled).length`,
  );
  await page.evaluate(
    `(window.reached = new Set(), window.unmarked = [], document.addEventListener('focusin', ({ target }) => {
      reached.add(target);
      if (getComputedStyle(target).outlineStyle === 'none') unmarked.push(target.outerHTML.slice(0, 120));
    }), document.body.focus())`,
  );
  await page.press('Tab');
  assert.equal(await page.evaluate('document.activeElement.innerText'), 'Skip to the content');
  for (let i = 0; i < wanted + 10; i++) await page.press('Tab');
  const missed: string[] = await page.evaluate(
    `[...document.querySelectorAll('${controls}')].filter((each) => each.checkVisibility() && !each.disabled && !reached.has(each)).map((each) => each.outerHTML.slice(0, 120))`,
  );
  assert.deepEqual(missed, []);
  assert.deepEqual(await page.evaluate('unmarked'), [], 'the focus is visible');
});

test('the page requests nothing of another origin', async () => {
  const page = await pages.of(near, `#key=${encodeURIComponent(KEY)}`);
  await page.until(has('feed', 'connected'));
  await page.until(`document.querySelector('.tree') !== null`);
  const own = [near.url, near.url.replace('http:', 'ws:')];
  assert.ok(page.requested.some((url) => url.endsWith('/v1/ws')));
  assert.deepEqual(
    page.requested.filter((url) => !own.some((each) => url.startsWith(`${each}/`))),
    [],
  );
});

test('the page has one main landmark, labelled sections, and headings in order', async () => {
  const page = await pages.of(near);
  await page.until(`!document.getElementById('page').hidden`);
  assert.equal(await page.evaluate(`document.querySelectorAll('main, [role=main]').length`), 1);
  const unlabelled: number = await page.evaluate(
    `[...document.querySelectorAll('section, nav, [role=region]')].filter((each) => !each.ariaLabel && !document.getElementById(each.getAttribute('aria-labelledby'))).length`,
  );
  assert.equal(unlabelled, 0);
  const levels: number[] = await page.evaluate(
    `[...document.querySelectorAll('h1, h2, h3, h4')].filter((each) => each.checkVisibility()).map((each) => Number(each.tagName[1]))`,
  );
  for (const [i, level] of levels.entries()) assert.ok(level - (levels[i - 1] ?? 0) <= 1, levels.join());
});

for (const theme of ['light', 'dark'] as const)
  for (const width of WIDTHS)
    test(`at ${width} px in the ${theme} theme, nothing overflows, moves, or lacks contrast`, async () => {
      const page = await pages.blank();
      await page.resize({ width, height: 900, theme });
      await page.open(`${near.url}/ui`);
      await page.evaluate(
        `(window.shift = 0, new PerformanceObserver((list) => { for (const each of list.getEntries()) if (document.getElementById('page').dataset.seen) shift += each.value; }).observe({ type: 'layout-shift' }))`,
      );
      await page.until(
        `document.querySelectorAll('#replica-table tbody tr').length > 0 && document.querySelectorAll('#plots canvas').length > 0`,
      );
      await page.evaluate(`document.getElementById('page').dataset.seen = '1'`);
      const samples = `performance.getEntriesByType('resource').filter(({ name }) => name.includes('/v1/history')).length`;
      const before: number = await page.evaluate(samples);
      await Promise.all(Array.from({ length: 30 }, (_, i) => put(far, `event_risk:${width}:${i}`, '1')));
      await post(far, '/v1/marks', { keys: ['event_risk:M'], state: 'halted', reason: 'why', ttl: 600 });
      await page.until(has('feed', `event_risk:${width}:`));
      await page.until(`${samples} >= ${before + 2}`);
      await page.until(has('marks', 'event_risk:M'));
      assert.equal(await page.evaluate('shift'), 0);
      assert.equal(await page.evaluate('document.documentElement.scrollWidth'), width);
      assert.deepEqual(await page.evaluate(LOW_CONTRAST), []);
      await post(far, '/v1/unmark', { keys: ['event_risk:M'] });
    });

/** Tiles in which a figure of the greatest length has no room. */
const LARGE_FIGURES = `[...document.querySelectorAll('.tile .value')].filter((each) => {
  each.textContent = '≈ 1.23 ms';
  return each.scrollWidth > each.clientWidth;
}).map((each) => [each.scrollWidth, each.clientWidth])`;

/** Panels that end their row before the end of the section. */
const SHORT_ROWS = `[...document.querySelectorAll('.columns')].flatMap((columns) => {
  const panels = [...columns.children].filter((each) => each.checkVisibility());
  const rect = (each) => each.getBoundingClientRect();
  return panels
    .filter((each, i) => panels[i + 1] === undefined || rect(panels[i + 1]).left <= rect(each).left)
    .filter((each) => rect(columns).right - rect(each).right > 1)
    .map((each) => each.id);
})`;

/** Texts whose contrast with their background is below 4.5, as WCAG 2.2 computes it. */
const LOW_CONTRAST = `(() => {
  const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b]
    .map((each) => each / 255)
    .map((each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4))
    .reduce((sum, each, i) => sum + each * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (each) => {
    const colour = parse(getComputedStyle(each).backgroundColor);
    return colour.length === 4 && colour[3] === 0 ? (each.parentElement ? behind(each.parentElement) : [255, 255, 255]) : colour;
  };
  return [...document.querySelectorAll('body *')]
    .filter((each) => each.checkVisibility() && !each.disabled && [...each.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim()))
    .map((each) => {
      const [a, b] = [light(parse(getComputedStyle(each).color)), light(behind(each))];
      return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), each.className, each.textContent.slice(0, 40)];
    })
    .filter(([contrast]) => contrast < 4.5);
})()`;

test('the theme switch outlives a reload, and overrides the system', async () => {
  const page = await pages.of(near);
  await page.resize({ width: 1280, height: 900, theme: 'light' });
  const background = `getComputedStyle(document.body).backgroundColor`;
  assert.equal(await page.evaluate(background), 'rgb(255, 255, 255)');
  await page.evaluate(
    `(document.getElementById('theme').value = 'dark', document.getElementById('theme').dispatchEvent(new Event('change')))`,
  );
  assert.equal(await page.evaluate(background), 'rgb(13, 17, 23)');
  await page.open(`${near.url}/ui?again`);
  assert.equal(await page.evaluate(background), 'rgb(13, 17, 23)');
  await page.evaluate('localStorage.clear()');
});

test('the page says why the service is degraded, and recovers with it', async () => {
  const page = await pages.of(near);
  await page.until(`${text('state')} === 'healthy'`);
  await redis.signal('SIGSTOP');
  try {
    await page.until(`${text('state')} === 'degraded'`);
    assert.match(await page.evaluate(text('reasons')), /Redis/);
    await page.until(`${text('server-table')}.includes('unreachable')`);
  } finally {
    await redis.signal('SIGCONT');
  }
  await page.until(`${text('state')} === 'healthy'`);
});

test('the page names dead sources of a healthy service', async () => {
  const path = '/v1/sources/page-feed';
  const headers = { 'content-type': 'application/json' };
  const page = await pages.of(near);
  await page.until(has('reasons', 'No fault is known.'));
  await near.fetch(path, { method: 'PUT', headers, body: '{"types":["event_risk"],"ttl":0.05}' });
  await page.until(has('reasons', '1 source is dead'));
  assert.equal(await page.evaluate(text('state')), 'healthy');
  await near.fetch(path, { method: 'DELETE' });
  await page.until(has('reasons', 'No fault is known.'));
});
