import assert from 'node:assert/strict';
import { test } from 'node:test';
import { calmestOf } from '../../bench/pauses/command.ts';
import type { Life } from '../../bench/pauses/life.ts';
import { runJob } from '../../bench/support/child.ts';

const PROCESS = new URL('../../bench/pauses/life.ts', import.meta.url);
/** An eighth of a million: the maps of the shards are as full as with a million. */
const ENTRIES = 125_000;
const MOST_BYTES = 258;

for (const encoding of ['json', 'msgpack'])
  test(`an entry of ${encoding} uses at most ${MOST_BYTES} bytes in addition to key and value`, async () => {
    const job = { entries: ENTRIES, encoding };
    const life = await runJob<Life>(PROCESS, job, { flags: ['--expose-gc'] });
    // Less than the object itself would mean that nothing was measured.
    assert.ok(life.filledBytes > 120 && life.filledBytes <= MOST_BYTES, `${life.filledBytes}`);
    assert.deepEqual(
      life.phases.map(({ name }) => name),
      ['fill', 'churn', 'read', 'sweep'],
    );
  });

test('the round with the shortest longest pause counts', () => {
  const life = (...pauses: number[]): Life => ({
    phases: pauses.map((longestMs) => ({ name: '', longestMs })),
    ...{ ownBytes: 0, filledBytes: 0, churnedBytes: 0 },
  });
  const calmest = life(20, 19);
  assert.equal(calmestOf([life(1, 30), calmest, life(30, 1)]), calmest);
});
