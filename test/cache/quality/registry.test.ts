import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryQualityStore } from '../../../src/cache/quality/memory-store.ts';
import { Quality } from '../../../src/cache/quality/quality.ts';
import { type Kind, storedMark, storedSource } from '../../../src/cache/quality/records.ts';
import { QualityRegistry } from '../../../src/cache/quality/registry.ts';
import { StoreError } from '../../../src/cache/store.ts';
import { settled } from '../../support/gated-store.ts';
import { DOWN, NOW, TIMEOUT } from '../../support/replica.ts';

const selection = { keys: ['a:1'], types: [], prefixes: [] };
const HALT = {
  ...selection,
  id: '1',
  state: 'halted',
  reason: 'why',
  createdAt: NOW,
  until: NOW + 60_000,
} as const;

/** A registry whose store the test controls. */
function registry() {
  const clock = { now: NOW };
  const quality = new Quality(clock);
  const store = new MemoryQualityStore();
  const on = new QualityRegistry({ store, quality, clock });
  return {
    registry: on,
    quality,
    store,
    halts: () => quality.haltOf('a:1') !== undefined,
    /** Another replica sets a mark. */
    haltElsewhere: () => store.put('marks', storedMark(HALT), NOW),
  };
}

for (let steps = 0; steps < 8; steps++)
  test(`a change that is reported ${steps} steps after a load has answered is loaded too`, async (t) => {
    const { registry: on, store, halts, haltElsewhere } = registry();
    t.after(() => on.close());
    const load = store.load.bind(store);
    let changes = true;
    store.load = (kind: Kind) => {
      const loading = load(kind);
      if (changes && kind === 'marks') {
        changes = false;
        void loading.then(async () => {
          for (let step = 0; step < steps; step++) await undefined;
          void haltElsewhere();
          on.reload();
        });
      }
      return loading;
    };
    on.reload();
    await settled();
    assert.ok(halts());
  });

test('a registry has learned when sources and marks have been loaded once', async (t) => {
  const { registry: on, quality, store, halts, haltElsewhere } = registry();
  t.after(() => on.close());
  await haltElsewhere();
  const load = store.load.bind(store);
  store.load = () => Promise.reject(TIMEOUT);
  await assert.rejects(quality.learn!(), TIMEOUT);
  store.load = () => Promise.reject(DOWN);
  await quality.learn!();
  assert.ok(quality.learn, 'it still has to learn');
  store.load = load;
  const [learning, again] = [quality.learn(), quality.learn()];
  assert.equal(learning, again, 'readers wait for the same load');
  await learning;
  assert.ok(halts());
  assert.equal(quality.learn, undefined);
});

test('a registry whose loads Redis refuses for good does not hold up readers', async (t) => {
  const { registry: on, quality, store } = registry();
  t.after(() => on.close());
  store.load = () => Promise.reject(new StoreError('rejected', 'LOADING', { passing: true }));
  await quality.learn!();
  assert.ok(quality.learn);
  store.load = () => Promise.reject(new StoreError('rejected', 'NOPERM'));
  await quality.learn();
  assert.equal(quality.learn, undefined);
});

test('a mark and a source that another replica has just received are found', async (t) => {
  const { registry: on, quality, store, haltElsewhere } = registry();
  t.after(() => on.close());
  await haltElsewhere();
  const source = { ...selection, name: 'feed', heartbeatAt: NOW, ttlMs: 1000, until: NOW + 60_000 };
  await store.put('sources', storedSource(source), NOW);
  assert.deepEqual([quality.marks.length, quality.sources.length], [0, 0]);
  assert.equal((await on.markOf('1'))?.reason, 'why');
  assert.equal((await on.source('feed'))?.ttlMs, 1000);
  assert.equal(await on.markOf('2'), undefined);
});
