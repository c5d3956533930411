import assert from 'node:assert/strict';
import { test } from 'node:test';
import { headlineSections } from '../../../bench/compare/headline.ts';
import { rateAtLeast } from '../../../bench/compare/row.ts';
import { ROWS } from '../../../bench/compare/rows/index.ts';
import { rowSection, targetTable } from '../../../bench/compare/tables.ts';
import { contestant, result } from './results.ts';

const ours = contestant('ours', [
  { perSecond: 80_000, cpuUs: 12.5, core: 1 },
  { perSecond: 90_000, cpuUs: 11, core: 1 },
]);
const bare = contestant('bare', [
  { perSecond: 100_000, cpuUs: 10, core: 1 },
  { perSecond: 100_000, cpuUs: 10, core: 1 },
]);

test('a row shows medians, and ratios to its reference', () => {
  assert.deepEqual(rowSection(result([ours, bare])).table, {
    head: ['', 'a second', 'CPU µs', 'rate : bare', 'CPU : bare'],
    lines: [
      ['ours', '85,000', '11.8', '0.85', '1.18'],
      ['bare', '100,000', '10', '1.00', '1.00'],
    ],
  });
});

test('a server without figures has a line that says why', () => {
  const missing = contestant('nginx', [], 'not installed: nginx');
  const broken = contestant('webdis', [undefined]);
  const { head, lines } = rowSection(result([ours, missing, broken, bare])).table!;
  assert.deepEqual(
    lines.slice(1, 3).map((line) => line.slice(0, 2)),
    [
      ['nginx', 'not installed: nginx'],
      ['webdis', '3 read errors'],
    ],
  );
  for (const line of lines) assert.equal(line.length, head.length);
});

test('a note names the runs that do not count', () => {
  const shaky = contestant('varnish', [{ perSecond: 1 }, undefined]);
  assert.deepEqual(rowSection(result([shaky, bare])).notes, ['varnish: 1 of 2 runs invalid (3 read errors)']);
});

test('a rate that the generator determined has a mark', () => {
  const idle = contestant('idle', [{ perSecond: 1, core: 0.4 }]);
  assert.equal(rowSection(result([idle, bare], ['perSecond', 'core'])).table!.lines[0]![0], 'idle †');
});

test('a target shows its limit, what was measured, and whether it is met', () => {
  const cells = (atLeast: number, theirs = bare) =>
    targetTable([result([ours, theirs], undefined, [rateAtLeast(atLeast, 'bare')])]).lines[0];
  assert.deepEqual(cells(0.85), ['GET', 'bare', 'rate', '>= 0.85', '0.85', 'met']);
  assert.deepEqual(cells(0.9), ['GET', 'bare', 'rate', '>= 0.9', '0.85', '**not met**']);
  assert.deepEqual(cells(0.9, contestant('bare', [])), [
    ...['GET', 'bare', 'rate', '>= 0.9', 'not measured', '–'],
  ]);
});

test('names of rows and of their contestants are unique, and references and targets are contestants', () => {
  assert.equal(new Set(ROWS.map(({ name }) => name)).size, ROWS.length);
  for (const { name, contestants, reference, targets = [] } of ROWS) {
    const names = contestants.map((each) => each.name);
    assert.equal(new Set(names).size, names.length, name);
    for (const other of [reference, ...targets.map(({ against }) => against)])
      assert.ok(names.includes(other), `${name}: ${other}`);
  }
});

test('the first screen has five figures, and every server that answers a GET', () => {
  const results = ROWS.map((row) => ({
    row,
    contestants: row.contestants.map(({ name }) => contestant(name, [{ perSecond: 1, p50Us: 1, cpuUs: 1 }])),
  }));
  const [figures, servers] = headlineSections(results, 'Today.');
  assert.equal(figures!.table!.lines.length, 5);
  for (const [what, figure] of figures!.table!.lines) assert.match(figure!, /^\*\*1\*\* /, what);
  assert.equal(servers!.table!.lines.length, ROWS[0]!.contestants.length);
});
