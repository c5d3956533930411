import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

/** A table of a document: its head, and the cells of its lines. */
type Table = { readonly head: readonly string[]; readonly lines: readonly (readonly string[])[] };

/** Names of ratios, and the column that each divides. */
const COLUMNS: Readonly<Record<string, readonly string[]>> = {
  rate: ['a second'],
  CPU: ['CPU µs', 'CPU µs each'],
  p50: ['p50 µs'],
  instructions: ['instructions'],
  time: ['ms'],
};

for (const name of ['performance.md', 'performance/comparison.md'])
  test(`each ratio in ${name} follows from the columns of its table`, () => {
    let checked = 0;
    for (const { head, lines } of tablesOf(name))
      for (const [at, title] of head.entries()) {
        const [, figure, reference] = /^(\w+) : (.+)$/.exec(title) ?? [];
        if (figure === undefined) continue;
        const column = head.findIndex((each) => COLUMNS[figure]!.includes(each));
        const base = lines.find(([server]) => server!.replace(' †', '') === reference)!;
        for (const line of lines) checked += follows(line[at]!, line[column]!, base[column]!);
      }
    assert.ok(checked > 5, 'no ratio was found');
  });

test('each ratio of the microbenchmarks follows from the times of its group', () => {
  let checked = 0;
  for (const { head, lines } of tablesOf('performance/microbenchmarks.md')) {
    if (head.at(-1) !== 'ratio') continue;
    const groups: (readonly string[])[][] = [];
    for (const line of lines)
      if (line[0]!.startsWith('**')) groups.push([]);
      else groups.at(-1)!.push(line);
    for (const group of groups) {
      const base = group.find(([, , , ratio]) => Number(ratio) === 1);
      for (const [, time, , ratio] of base === undefined ? [] : group)
        checked += follows(ratio!, time!, base![1]!);
    }
  }
  assert.ok(checked > 5, 'no ratio was found');
});

test('each ratio of the clients follows from the CPU times of its table', () => {
  let checked = 0;
  for (const { head, lines } of tablesOf('performance/clients.md')) {
    if (!head.at(-1)!.startsWith('CPU, 1: ')) continue;
    const column = head.indexOf('client CPU µs, 1');
    const base = lines.find((line) => line.at(-1) === '1.00')!;
    for (const line of lines) checked += follows(line.at(-1)!, base[column]!, line[column]!);
  }
  assert.ok(checked > 5, 'no ratio was found');
});

/** Asserts that the ratio is the quotient, as far as the digits of the three figures allow. Returns 1 if it is shown. */
function follows(ratio: string, of: string, to: string): number {
  if (ratio === '') return 0;
  const [value, above, below] = [ratio, of, to].map(shown) as [Shown, Shown, Shown];
  const least = (above.value - above.half) / (below.value + below.half) - value.half;
  const most = (above.value + above.half) / (below.value - below.half) + value.half;
  assert.ok(value.value >= least && value.value <= most, `${ratio} is not ${of} / ${to}`);
  return 1;
}

type Shown = { readonly value: number; readonly half: number };

/** The value of a cell, and half of the unit of its last digit. */
function shown(cell: string): Shown {
  const digits = cell.replaceAll(/[*†, ]/g, '');
  const [, fraction = ''] = digits.split('.');
  return { value: Number(digits), half: 0.5 * 10 ** -Math.min(fraction.length, 3) + 1e-9 };
}

function tablesOf(name: string): Table[] {
  const text = readFileSync(new URL(`../../../docs/${name}`, import.meta.url), 'utf8');
  return [...text.matchAll(/(?:^\|.*\n)+/gm)].map(([table]) => {
    const [head, , ...lines] = table
      .trim()
      .split('\n')
      .map((line) =>
        line
          .slice(1, -1)
          .split('|')
          .map((cell) => cell.trim()),
      );
    return { head: head!, lines };
  });
}
