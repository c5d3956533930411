import assert from 'node:assert/strict';
import { test } from 'node:test';
import { languageSection } from '../../../bench/clients/table.ts';
import { contestant, result } from '../compare/results.ts';

const FIGURES = ['perSecond', 'cpuUs', 'p50Us'] as const;
const LANGUAGE = { title: 'Node', about: 'Objects.', comparedWith: 'redis' };

test('a line has the figures of one and of many reads, and how much less CPU time it takes', () => {
  const near = contestant('near', [{ perSecond: 5_000_000, cpuUs: 0.2, p50Us: 0.18 }]);
  const redis = contestant('redis', [{ perSecond: 200_000, cpuUs: 5, p50Us: 4.1 }]);
  const many = contestant('redis', [{ perSecond: 400_000, cpuUs: 2.5, p50Us: 3 }]);
  const { table } = languageSection(
    LANGUAGE,
    result([near, redis], [...FIGURES]),
    result([many], [...FIGURES]),
  );
  assert.deepEqual(table!.lines, [
    ['near', '5,000,000', '0.2', '0.18', '', '', '', '25.0'],
    ['redis', '200,000', '5', '4.1', '400,000', '2.5', '3', '1.00'],
  ]);
  assert.equal(table!.head.length, 8);
});

test('a way that could not be measured has a line that says why', () => {
  const missing = contestant('near', [], 'not installed: python3');
  const redis = contestant('redis', [{ perSecond: 1, cpuUs: 1, p50Us: 1 }]);
  const { table } = languageSection(LANGUAGE, result([missing, redis], [...FIGURES]), result([redis]));
  assert.deepEqual(table!.lines[0], ['near', 'not installed: python3', '', '', '', '', '', '']);
});
