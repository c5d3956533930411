import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { listKeys } from '../../../src/cache/l1/list-keys.ts';
import type { Memory } from '../../../src/cache/l1/memory.ts';
import { EVERYTHING } from '../../../src/cache/match.ts';
import { NOW, openMemory } from '../../support/replica.ts';

function memoryOf(keys: Iterable<string>) {
  const { memory, put } = openMemory({ maxEntries: 100_000, ttlMs: Number.POSITIVE_INFINITY });
  for (const key of keys) put(key);
  return { memory, put };
}

/** Reads all pages, and calls `between` between two pages. */
async function listed(
  memory: Memory,
  limit: number,
  between: () => void = () => {},
  hashOf?: (key: string) => number,
): Promise<string[][]> {
  const pages: string[][] = [];
  let cursor: string | undefined;
  do {
    const page = await listKeys(memory.entries(), EVERYTHING, cursor, limit, NOW, hashOf);
    pages.push(page.keys.map(({ key }) => key));
    cursor = page.cursor;
    between();
  } while (cursor !== undefined);
  return pages;
}

const names = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}:${i}`);

test('a key that exists throughout is listed exactly once, for any changes of other keys between pages', async () => {
  const changes = fc.array(
    fc.record({ what: fc.constantFrom('insert', 'delete', 'replace', 'rewrite'), which: fc.nat(999) }),
    { maxLength: 60 },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 40 }),
      fc.array(changes, { maxLength: 30 }),
      async (limit, turns) => {
        const stay = names('stay', 300);
        const { memory, put } = memoryOf([...names('go', 200), ...stay, ...names('gone', 200)]);
        const left = [...turns];
        const pages = await listed(memory, limit, () => {
          for (const { what, which } of left.pop() ?? []) {
            if (what === 'insert') put(`new:${which}`);
            else if (what === 'delete')
              memory.delete(which % 2 === 0 ? `go:${which % 200}` : `gone:${which % 200}`);
            else if (what === 'replace') put(`stay:${which % 300}`);
            else {
              memory.delete(`stay:${which % 300}`);
              put(`stay:${which % 300}`);
            }
          }
        });
        const all = pages.flat();
        assert.equal(new Set(all).size, all.length);
        assert.deepEqual(all.filter((key) => key.startsWith('stay:')).sort(), stay.toSorted());
      },
    ),
    { numRuns: 60 },
  );
});

test('a page has the requested number of keys, and the last page has no cursor', async () => {
  const { memory } = memoryOf(names('k', 1000));
  const sizes = (await listed(memory, 100)).map((page) => page.length);
  assert.deepEqual(sizes, Array(10).fill(100));
  assert.deepEqual(
    (await listed(memoryOf([]).memory, 100)).map((page) => page.length),
    [0],
  );
});

test('keys of one hash are on one page, the highest hash included', async () => {
  const { memory } = memoryOf(names('k', 500));
  for (const [hashOf, sizes] of [
    [() => 7, [500]],
    [() => 0xffffffff, [500]],
    [(key: string) => (Number(key.slice(2)) < 450 ? 3 : 0xffffffff), [450, 50]],
    [(key: string) => Number(key.slice(2)) >> 2, Array(125).fill(4)],
  ] as const) {
    const pages = await listed(memory, 3, undefined, hashOf);
    assert.deepEqual(
      pages.map((page) => page.length),
      sizes,
    );
    assert.equal(new Set(pages.flat()).size, 500);
  }
});

test('an expired key is not listed, and a cursor past the last hash ends the listing', async () => {
  const { memory, put } = memoryOf(['a']);
  put('b', -1);
  assert.deepEqual(await listed(memory, 10), [['a']]);
  const past = await listKeys(memory.entries(), EVERYTHING, String(2n ** 64n - 1n), 10, NOW);
  assert.deepEqual(past, { keys: [], cursor: undefined });
});

test('a key that exists throughout is listed exactly once, for any changes while the page is built', async () => {
  const stay = names('stay', 5_000);
  const { memory, put } = memoryOf([...names('go', 5_000), ...stay]);
  const hashOf = () => 1;
  let made = false;
  const making = listKeys(memory.entries(), EVERYTHING, undefined, 10, NOW, hashOf).finally(() => {
    made = true;
  });
  for (let turn = 0; !made; turn++) {
    for (const key of names('go', 5_000).slice(turn * 500, turn * 500 + 500)) memory.delete(key);
    for (const key of stay.slice(turn * 100, turn * 100 + 100)) {
      memory.delete(key);
      put(key);
    }
    put(`new:${turn}`);
    await new Promise((resume) => setImmediate(resume));
  }
  const keys = (await making).keys.map(({ key }) => key);
  assert.deepEqual(keys.filter((key) => key.startsWith('stay:')).sort(), stay.toSorted());
  assert.equal(new Set(keys).size, keys.length);
});
