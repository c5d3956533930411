import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { dashboard } from '../../deploy/grafana/dashboard.ts';
import { THRESHOLDS } from '../../deploy/grafana/thresholds.ts';
import { anchorOf, headingsOf } from '../docs/markdown.ts';
import { DASHBOARD_FILE, PANELS, panelQueries } from './panel-queries.ts';
import { documentedMetrics, metricsIn, RECORDINGS } from './rules.ts';

const document = (name: string) => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');

/** What the runbook, 4.3, names, by its section, and the panels that show it. */
const RUNBOOK: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  'Cache Performance': {
    'Hit/miss rates by cache level and data type': [
      ...['Hit rate', 'Miss rate', 'Hit rate by cache level'],
      ...['Hit rate by cache level and data type', 'Miss rate by cache level and data type'],
    ],
    'Request latencies': ['Request latency, p95', 'Request latency by operation, p95'],
    'Error rates': ['Error rate', 'Errors and refusals'],
  },
  'Redis Metrics': {
    'Memory usage': ['Memory usage', 'Memory'],
    'Connection counts': ['Connections of the service', 'Connections of the server'],
    'Command statistics': ['Commands by name', 'Time per command'],
    'Response times': ['Response time, p95', 'Response time, percentiles'],
  },
  'Service Health': {
    'Instance count': ['Instance count'],
    'CPU/Memory utilization': ['CPU utilisation', 'Memory utilisation'],
    'Health check status': ['Health check status'],
  },
  'Cache Contents': {
    'Items by data type': ['Items in L1 by data type', 'Items in Redis by data type'],
    'Eviction rates': ['Evictions from L1 by data type', 'Evictions from Redis'],
    'Key expiration rates': ['Expirations in L1 by data type', 'Key expirations in Redis'],
  },
};

const rows = new Map<string, string[]>();
for (const { type, title } of PANELS) {
  if (type === 'row') rows.set(title, []);
  else [...rows.values()].at(-1)!.push(title);
}

test('the committed dashboard is the output of its code', () => {
  assert.equal(
    readFileSync(DASHBOARD_FILE, 'utf8'),
    `${JSON.stringify(dashboard(), undefined, 2)}\n`,
    'run: node deploy/grafana/build.ts',
  );
});

test('each section of the runbook is a row, with a panel for each metric it names', () => {
  const named = [...rows.keys()];
  assert.deepEqual(named, ['Overview', ...Object.keys(RUNBOOK), 'Coherence and Pending Writes', 'Push']);
  for (const [row, items] of Object.entries(RUNBOOK))
    for (const [item, panels] of Object.entries(items))
      for (const panel of panels) assert.ok(rows.get(row)!.includes(panel), `${item}: ${panel}`);
});

test('panels do not overlap, have unique ids and queries, and name their unit', () => {
  assert.equal(new Set(PANELS.map(({ id }) => id)).size, PANELS.length);
  const taken = new Map<string, string>();
  for (const { type, title, gridPos, targets = [], fieldConfig } of PANELS) {
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      assert.ok(x < 24, title);
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        assert.equal(taken.get(`${x},${y}`), undefined, title);
        taken.set(`${x},${y}`, title);
      }
    }
    if (type === 'row') continue;
    assert.ok(targets.length > 0, title);
    assert.equal(new Set(targets.map(({ refId }) => refId)).size, targets.length, title);
    const unit = fieldConfig!.defaults.unit;
    const seconds = targets.some(
      ({ expr }) => /_seconds\b|_seconds\{/.test(expr) && !/^1000? \*|^100 \*/.test(expr),
    );
    if (seconds) assert.equal(unit, 's', title);
    for (const { expr } of targets) if (/^100 \* /.test(expr)) assert.equal(unit, 'percent', title);
    for (const { expr } of targets) if (/_bytes\{/.test(expr)) assert.equal(unit, 'bytes', title);
  }
});

for (const [name, { warning, critical }] of Object.entries(THRESHOLDS)) {
  test(`the thresholds of ${name} are colours of its panels`, () => {
    const drawn = PANELS.filter(({ targets = [] }) =>
      targets.some(({ expr }) => expr.startsWith(`${name}{`)),
    );
    assert.ok(drawn.length > 0);
    const bad = warning < critical ? ['green', 'orange', 'red'] : ['red', 'orange', 'green'];
    const values = [null, Math.min(warning, critical), Math.max(warning, critical)];
    for (const { fieldConfig } of drawn) {
      assert.deepEqual(
        fieldConfig!.defaults.thresholds.steps,
        values.map((value, i) => ({ value, color: bad[i] })),
      );
    }
  });
}

test('docs/monitoring.md has each recording rule, with these thresholds', () => {
  const rows = [...document('monitoring.md').matchAll(/^\| `(\w+)` \| \S* ?\| (.*?) ?\| (.*?) ?\| .* \|$/gm)];
  const thresholds = new Map(Object.entries(THRESHOLDS));
  const cells = (name: string) => {
    const at = thresholds.get(name);
    if (at === undefined) return ['', ''];
    const sign = at.warning < at.critical ? '>' : '<';
    return [`${sign} ${at.warning}`, `${sign} ${at.critical}`];
  };
  assert.deepEqual(
    rows.map(([, ...row]) => row).sort(),
    RECORDINGS.map(({ record }) => [record, ...cells(record)]).sort(),
  );
});

test('panels query only recorded or exported metrics, filtered by the job and the chosen variables', () => {
  const known = [...documentedMetrics(), ...RECORDINGS.map(({ record }) => record)];
  const recorded = new Set(RECORDINGS.map(({ record }) => record));
  for (const { expr } of panelQueries({ namespace: 'N', instance: 'I', rateInterval: '5m' })) {
    for (const name of metricsIn(expr))
      assert.ok(/^(process|nodejs)_|^up$/.test(name) || known.includes(name), name);
    assert.match(expr, /namespace=~"N"|ALERTS/);
    if (![...recorded].some((name) => expr.startsWith(`${name}{`))) assert.match(expr, /job="cache-service"/);
    assert.ok(!expr.includes('$'), expr);
  }
});

test('the links lead to headings of the runbook', () => {
  const links = [...PANELS, dashboard()].flatMap(({ links = [] }) => links.map(({ url }) => url!));
  assert.ok(links.length > 15);
  for (const link of links) {
    const [, file, heading] = /^\$docs\/docs\/(runbook\S*\.md)(?:#(.*))?$/.exec(link)!;
    const headings = headingsOf(document(file!)).map(anchorOf);
    assert.ok(heading === undefined || headings.includes(heading), link);
  }
});
