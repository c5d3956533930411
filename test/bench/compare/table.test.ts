import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withTables } from '../../../bench/compare/record.ts';
import { ROWS } from '../../../bench/compare/rows/index.ts';
import { notes, rowCells, targetCells } from '../../../bench/compare/table.ts';
import { TARGETS } from '../../../bench/compare/targets.ts';
import { markdown } from '../../../bench/support/cells.ts';
import { suitesMatching } from '../../../bench/support/run-suites.ts';
import { contestant, report, row, sample } from './results.ts';

const OURS = contestant('ours', [
  sample(0, { perSecond: 80_000, cpuUs: 12.5, bytesPerAnswer: 456 }),
  sample(1, { perSecond: 90_000, cpuUs: 11, bytesPerAnswer: 456 }),
]);
const BARE = contestant('bare', [
  sample(0, { perSecond: 100_000, cpuUs: 10, bytesPerAnswer: 456 }),
  sample(1, { perSecond: 100_000, cpuUs: 10, bytesPerAnswer: 456 }),
]);

test('a row tells medians, and ratios to each reference', () => {
  const { head, lines } = rowCells(row('get', [OURS, BARE], ['bare']));
  assert.deepEqual(head, ['', 'a second', 'CPU µs', 'core', 'bytes', 'rate : bare', 'CPU : bare']);
  assert.deepEqual(lines, [
    ['ours', '85,000', '11.8', '1.00', '456', '0.85', '1.18'],
    ['bare', '100,000', '10.0', '1.00', '456', '1', '1'],
  ]);
});

test('what is allocated is told by the request, and by the key where a request asks for several', () => {
  const one = contestant('get', [sample(0, { allocated: { perRequest: 160.4 } })]);
  const many = contestant('mget', [sample(0, { allocated: { perRequest: 24_150, perKey: 241.5 } })]);
  const { head, lines } = rowCells({ ...row('allocation', [one, many]), columns: 'allocation' });
  assert.deepEqual(head, ['', 'bytes a request', 'bytes a key']);
  assert.deepEqual(lines, [
    ['get', '160', ''],
    ['mget', '24,150', '242'],
  ]);
});

test('a server that is not installed has its line, and so has one that never ran without a fault', () => {
  const missing = contestant('nginx', [], { absent: 'not installed: nginx is missing' });
  const broken = contestant('webdis', [sample(0, { faults: ['7 read errors'] })]);
  const { head, lines } = rowCells(row('get', [OURS, missing, broken], ['ours']));
  assert.deepEqual(
    lines.slice(1).map((line) => line.slice(0, 2)),
    [
      ['nginx', 'not installed: nginx is missing'],
      ['webdis', '1 of 1 runs invalid (7 read errors)'],
    ],
  );
  for (const line of lines) assert.equal(line.length, head.length);
});

test('runs that did not count are told of beside those that did', () => {
  const shaky = contestant('varnish', [sample(0), sample(1, { faults: ['2 timeout errors'] })]);
  assert.deepEqual(notes(row('get', [OURS, shaky])), ['varnish: 1 of 2 runs invalid (2 timeout errors)']);
});

test('a rate that the generator determined has its mark', () => {
  const idle = contestant('idle', [sample(0, { busy: 0.4 })]);
  assert.equal(rowCells(row('get', [idle])).lines[0]![0], 'idle †');
});

test('every target is in the table, with its limit, what was measured, and whether it is met', () => {
  const get16 = row('get-16', [
    { ...OURS, name: 'ratecache' },
    { ...BARE, name: 'bare-uws' },
  ]);
  const { lines } = targetCells(report([get16]));
  assert.equal(lines.length, TARGETS.length);
  assert.deepEqual(lines[0], ['GET, L1 hit, 16 deep', 'bare uWS', 'rate', '>= 0.9', '0.85', '**not met**']);
  assert.deepEqual(lines[1], ['GET, L1 hit, 16 deep', 'bare uWS', 'CPU', '<= 1.1', '1.18', '**not met**']);
  assert.equal(lines.at(-1)!.at(-1), '–');
});

test('each target names a row with its two contestants, or microbenchmarks of suites that there are', () => {
  for (const { what, measured } of TARGETS) {
    if ('row' in measured) {
      const contestants = ROWS.find(({ name }) => name === measured.row)?.contestants ?? [];
      for (const name of [measured.ours, measured.theirs])
        assert.ok(
          contestants.some((each) => each.name === name),
          `${what}: ${measured.row} has no ${name}`,
        );
    } else {
      for (const id of [measured.ours, measured.theirs])
        assert.deepEqual(suitesMatching([]).filter((suite) => id.startsWith(`${suite} > `)).length, 1, id);
    }
  }
});

test('every reference and model of a row is one of its contestants, and no two contestants have one name', () => {
  for (const { name, contestants, references } of ROWS) {
    const names = contestants.map((each) => each.name);
    assert.equal(new Set(names).size, names.length, name);
    const models = contestants.flatMap(({ model }) => model ?? []);
    for (const reference of [...references, ...models])
      assert.ok(names.includes(reference), `${name}: ${reference}`);
  }
});

test('what the run before measured stands beside what this one did', () => {
  const document = 'Before.\n<!-- peers: written -->\n<!-- /peers -->\n';
  const of = (perSecond: number) =>
    report([
      row('get-16', [
        contestant('ratecache', [sample(0, { perSecond })]),
        contestant('bare-uws', [sample(0, { perSecond: 100_000 })]),
      ]),
    ]);
  const first = withTables(document, of(85_000));
  assert.ok(!first.includes('before'));
  const second = withTables(first, of(95_000));
  assert.match(second, /\| GET, L1 hit, 16 deep \| bare uWS \| rate \| >= 0.9 \| 0.95 \| met \| 0.85 \|/);
  assert.match(second, /\*\*before\*\* is what the run of 2026-11-24 10:00 UTC, commit abc1234, measured/);
  assert.match(withTables(second, of(70_000)), /\| 0.70 \| \*\*not met\*\* \| 0.95 \|/);
});

test('the tables replace what stands between the marks of the document, and nothing else', () => {
  const document = 'Before.\n<!-- peers: written -->\nold\n<!-- /peers -->\nAfter.\n';
  const written = withTables(document, report([row('get', [OURS, BARE], ['bare'])]));
  assert.ok(written.startsWith('Before.\n<!-- peers: written -->\n\n2026-11-24 10:00 UTC, Abacus, 2 cores'));
  assert.ok(written.endsWith('<!-- /peers -->\nAfter.\n'));
  assert.ok(written.includes(markdown(rowCells(row('get', [OURS, BARE], ['bare'])))));
  assert.ok(!written.includes('old'));
  assert.throws(() => withTables('no marks', report([])), /marks/);
});
