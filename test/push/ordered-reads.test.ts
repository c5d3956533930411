import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Loaded } from '../../src/cache/loaded.ts';
import { OrderedReads } from '../../src/push/ordered-reads.ts';

const NONE: Loaded = { entry: undefined, source: 'none' };

test('a result is learned before a fence, or does not count, at whatever step the fence comes', async () => {
  const outcomes = new Set<boolean>();
  for (let step = 0; step < 12; step++) {
    const reads = new OrderedReads();
    const events: string[] = [];
    let answer!: (loaded: Loaded) => void;
    const asked = new Promise<Loaded>((resolve) => {
      answer = resolve;
    });
    const reading = reads.read(
      'k',
      () => asked,
      () => events.push('learned'),
    );
    answer(NONE);
    for (let i = 0; i < step; i++) await undefined;
    reads.fence('k');
    events.push('fenced');
    const [result, counts] = await reading;
    assert.equal(result, NONE);
    assert.deepEqual(events, counts ? ['learned', 'fenced'] : ['fenced'], `fenced after ${step} steps`);
    outcomes.add(counts);
  }
  assert.equal(outcomes.size, 2);
});

test('the result of an earlier read does not count after that of a later one, unless the later one failed', async () => {
  for (const source of ['l2', 'unknown'] as const) {
    const reads = new OrderedReads();
    const learned: string[] = [];
    const answers: ((loaded: Loaded) => void)[] = [];
    const read = (name: string) =>
      reads.read(
        'k',
        () => new Promise((resolve) => answers.push(resolve)),
        () => learned.push(name),
      );
    const both = [read('earlier'), read('later')];
    answers[1]!({ entry: undefined, source });
    await both[1];
    answers[0]!(NONE);
    await both[0];
    assert.deepEqual(learned, source === 'l2' ? ['later'] : ['later', 'earlier']);
  }
});
