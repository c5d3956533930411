import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Quality } from '../../../src/cache/quality/quality.ts';
import type { Selection } from '../../../src/cache/quality/selection.ts';
import { typeIndex } from '../../../src/key.ts';
import { NOW } from '../../support/replica.ts';

test('sources that die together are reported together', (t) => {
  const clock = { now: NOW };
  const quality = new Quality(clock);
  t.after(() => quality.close());
  const reports: Selection[] = [];
  quality.onChange = (selection) => reports.push(selection);
  const volatility = typeIndex('volatility')!;
  const source = { keys: [], heartbeatAt: NOW, ttlMs: 1000, until: NOW + 10_000 };
  quality.setSources([
    { ...source, name: 'a', types: [volatility], prefixes: ['x:'] },
    { ...source, name: 'b', types: [volatility], prefixes: ['x:', 'y:'] },
  ]);
  assert.deepEqual(reports, []);
  clock.now += 1000;
  quality.check();
  assert.deepEqual(reports, [{ keys: [], types: [volatility], prefixes: ['x:', 'y:'] }]);
});
