import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ENCODINGS, ORIGINS } from '../../bench/pauses/entries.ts';
import { type Bytes, calmestOf, type Life, type Report } from '../../bench/pauses/figures.ts';
import { withTables } from '../../bench/pauses/record.ts';
import { bytesOf } from '../../bench/pauses/run.ts';
import { phaseCells, sizeCells, targetCells } from '../../bench/pauses/table.ts';
import { markdown } from '../../bench/support/cells.ts';

const MAIN = fileURLToPath(new URL('../../bench/pauses/main.ts', import.meta.url));

/** An eighth of a million: the parts of its map are as full as those of a million. */
const ENTRIES = 125_000;
const MOST_BYTES = 250;

for (const encoding of ENCODINGS)
  for (const origin of ORIGINS)
    test(`an entry of ${encoding}, ${origin}, takes at most ${MOST_BYTES} bytes beside key and value, and again once swept`, () => {
      const { beside, answered, swept } = bytesOf(ENTRIES, origin, encoding);
      // Less than the object itself, and nothing was measured.
      assert.ok(beside > 120 && beside <= MOST_BYTES, `${beside}`);
      assert.ok(answered > beside + 100, `header lines take ${answered - beside}`);
      assert.ok(swept <= MOST_BYTES, `${swept} after the sweep`);
    });

const PHASE = { name: 'fill', seconds: 2, longestMs: 9, minorMs: 8, majorMs: 4, collecting: 0.2 };
const READ: Bytes = {
  origin: 'read',
  encoding: 'json',
  own: 213,
  beside: 238.4,
  answered: 447,
  swept: 238.6,
  resident: 265,
};

test('of several rounds the one counts whose longest pause is the shortest, wherever in it that came', () => {
  const [short, long, longer] = [1, 20, 30].map((longestMs) => ({ ...PHASE, longestMs }));
  const calmest = [long!, short!];
  assert.equal(calmestOf([[short!, longer!], calmest, [longer!, short!]]), calmest);
});

test('the targets are held against what ships, by its longest pause and by each kind of entry', () => {
  const { lines } = targetCells(
    report({
      lives: [life('json', 8, 9.94), life('json', 16, 26), life('msgpack', 8, 53.04)],
      bytes: [READ, { ...READ, encoding: 'msgpack', beside: 400.2 }],
    }),
  );
  assert.deepEqual(lines, [
    ['longest pause, JSON', '<= 10 ms', '9.9 ms, churn', 'met'],
    ['longest pause, msgpack', '<= 10 ms', '53.0 ms, churn', '**not met**'],
    ['an entry beside key and value, JSON, read from Redis', '<= 250 bytes', '238', 'met'],
    ['an entry beside key and value, msgpack, read from Redis', '<= 250 bytes', '400', '**not met**'],
  ]);
});

test('what ships is told phase by phase, and the other sizes by their longest pauses', () => {
  const lives = [life('json', 8, 9.5), life('json', 16, 26), life('msgpack', 8, 53)];
  assert.deepEqual(phaseCells(lives).lines, [
    ['JSON, fill', '2.00', '9.0', '8.0', '4.0', '20 %'],
    ['JSON, churn', '2.00', '9.5', '8.0', '4.0', '20 %'],
    ['msgpack, fill', '2.00', '9.0', '8.0', '4.0', '20 %'],
    ['msgpack, churn', '2.00', '53.0', '8.0', '4.0', '20 %'],
  ]);
  assert.deepEqual(sizeCells(lives), {
    head: ['half of the young generation', 'fill', 'churn'],
    lines: [
      ['8 MiB, as it ships', '9.0', '9.5'],
      ['16 MiB', '9.0', '26.0'],
    ],
  });
});

test('the tables replace what stands between the marks of the document, and nothing else', () => {
  const document = 'Before.\n<!-- million: written -->\nold\n<!-- /million -->\nAfter.\n';
  const measured = report({ lives: [life('json', 8, 9.5)], bytes: [READ] });
  const written = withTables(document, measured);
  assert.ok(
    written.startsWith('Before.\n<!-- million: written -->\n\n2026-11-24 10:00 UTC, Abacus, 2 cores'),
  );
  assert.match(
    written,
    /commit abc1234; of 3 rounds the one whose longest pause was the shortest, 600 s in all\.\n/,
  );
  assert.ok(written.endsWith('<!-- /million -->\nAfter.\n'));
  assert.ok(written.includes(markdown(targetCells(measured))));
  assert.ok(!written.includes('old'));
});

test('one command measures all of it, and records nothing less than a million entries', () => {
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [MAIN, '--entries', '3000', ...args], { encoding: 'utf8' });
  const { status, stdout, stderr } = run('--rounds', '1', '--semi-spaces', '16');
  assert.equal(status, 0, stderr);
  for (const told of ['longest pause, msgpack', 'written, standalone', 'sweep, all over', '16 MiB', '3,000'])
    assert.ok(stdout.includes(told), told);
  const refused = run('--record');
  assert.equal(refused.status, 2);
  assert.match(refused.stderr, /a million entries/);
});

function life(encoding: Life['encoding'], semiSpace: number, longestMs: number): Life {
  return { encoding, semiSpace, phases: [PHASE, { ...PHASE, name: 'churn', longestMs }] };
}

function report(measured: Pick<Report, 'lives' | 'bytes'>): Report {
  return {
    startedAt: '2026-11-24T10:00:00.000Z',
    seconds: 600,
    commit: 'abc1234',
    machine: { cpu: 'Abacus', cores: 2, platform: 'linux x64', node: 'v22.0.0', kernel: '6.1' },
    entries: 1_000_000,
    rounds: 3,
    ...measured,
  };
}
