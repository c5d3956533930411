import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createContext, runInContext } from 'node:vm';
import { asset } from '../../../loadtest/report/assets.ts';

/** Any member of it, and the answer of any call, is itself: a page that accepts everything. */
const PAGE: unknown = new Proxy(class {}, {
  get: (_, name) => (name === Symbol.toPrimitive ? () => '' : PAGE),
  apply: () => PAGE,
  construct: () => PAGE as object,
});

/** The scales of the charts that charts.js gives to the plotting library. */
function rangesOf(script: string): readonly (readonly [number, number])[] {
  const ranges: (readonly [number, number])[] = [];
  class Plot {
    constructor({ scales }: { scales: { y: { range: () => readonly [number, number] } } }) {
      ranges.push(scales.y.range());
    }
  }
  const context = createContext({
    document: PAGE,
    getComputedStyle: PAGE,
    matchMedia: PAGE,
    ResizeObserver: PAGE,
    JSON: { parse: () => [] },
    parent: PAGE,
    uPlot: Plot,
  });
  runInContext(asset('report/charts.js'), context);
  runInContext(`{${script}}`, context);
  return ranges;
}

for (const log of [false, true])
  test(`the chart of a run of 12 hours is drawn, log: ${log}`, () => {
    const ranges = rangesOf(`
      const xs = Array.from({ length: 12 * 3600 }, (_, second) => second);
      const line = (label, scale) => ({ label, colour: 'text', values: xs.map((x) => scale * (x + 1)) });
      const series = [line('p50', 1), line('p99', 2), line('max', 3)];
      const axis = { log: ${log}, format: String };
      drawChart(parent, { title: 'Latency', x: { format: String }, y: axis, xs, series });
    `);
    assert.equal(ranges.length, 1);
    const [[low, high]] = ranges as [readonly [number, number]];
    const most = 3 * 12 * 3600;
    assert.ok(low < 1 && high > most && high < 2 * most, `${low} to ${high}`);
  });
