import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testInputs } from './finds-no-fault.ts';
import { randomOf, Values } from './grammar/values.ts';
import type { Kind } from './kind.ts';
import { KINDS } from './kinds.ts';

testInputs(1, { decoder: 500, live: 200 });

test('a seed makes the same inputs twice, and different ones than another seed', () => {
  const inputs = (kind: Kind, seed: number) => {
    const values = new Values(seed);
    return Array.from({ length: 20 }, (_, index) =>
      kind.show({ random: randomOf(seed, kind.name, index), values, index }),
    );
  };
  for (const kind of KINDS) {
    const first = inputs(kind, 1);
    assert.deepEqual(inputs(kind, 1), first, kind.name);
    assert.notDeepEqual(inputs(kind, 2), first, kind.name);
  }
});
