/** The report on the screen of a phone, in Chromium. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { htmlReport } from '../../../loadtest/report/html.ts';
import { resultOfPage } from '../../support/page-result.ts';
import { latencyGate, synthetic } from './synthetic.ts';

const WIDTHS = [360, 1280];

// A frame, because the window of Chromium is at least 500 pixels wide.
const MEASURE = `<script type=module>
const seen = {};
for (const width of ${JSON.stringify(WIDTHS)}) {
  const frame = document.createElement('iframe');
  frame.width = width;
  frame.height = 800;
  frame.src = '/report';
  await new Promise((resolve) => { frame.onload = resolve; document.body.append(frame); });
  const page = frame.contentDocument;
  const wide = [page.documentElement, ...page.querySelectorAll('.scroll')].filter((box) => box.scrollWidth > box.clientWidth);
  seen[width] = {
    tooWide: wide.map((box) => box.tagName + ' ' + box.textContent.slice(0, 60)),
    plots: page.querySelectorAll('canvas').length,
    marks: [...page.querySelectorAll('.legend')].filter((legend) => legend.textContent.includes('redis killed at 6.02 s')).length,
  };
}
await fetch('/seen', { method: 'POST', body: JSON.stringify(seen) });
</script>`;

test('every table of the report fits a phone, and each plot over time marks the faults', async (t) => {
  const report = htmlReport([
    synthetic({
      profile: 'redis-down',
      gates: [latencyGate('latency p95', 60), latencyGate('latency p99', 130)],
      others: 0.53,
      faults: [
        { second: 6.02, what: 'redis killed' },
        { second: 12.03, what: 'redis back' },
      ],
    }),
    synthetic({ profile: 'invalidation-storm' }),
  ]);
  const seen = await resultOfPage(t, { '/': MEASURE, '/report': report });
  // Two profiles have a plot by percentile and six over time each; those of the first have marks.
  const expected = { tooWide: [], plots: 14, marks: 6 };
  assert.deepEqual(JSON.parse(seen), Object.fromEntries(WIDTHS.map((width) => [width, expected])));
});
