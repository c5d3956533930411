import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { until } from '../../loadtest/support/until.ts';
import type { Condition } from '../../src/cache/condition.ts';
import { keep, type Value } from '../../src/cache/entry.ts';
import { EVERYTHING } from '../../src/cache/match.ts';
import { originOf } from '../../src/cache/origin.ts';
import type { Removal, Store, Write, WriteOutcome } from '../../src/cache/store.ts';
import { isVersion, VersionClock } from '../../src/cache/version.ts';
import { TYPES } from '../../src/key.ts';
import { NO_VERSION, writeOf } from '../support/replica.ts';

/** The stores of two replicas on one empty L2. */
export interface Replicas {
  readonly one: Store;
  readonly two: Store;
}

const TTL_MS = 60_000;
const SOME_VERSION = '0123456789abcdef00000000';

/** Tests every promise of `Store` on the stores that `open` returns. */
export function storeContract(
  storeName: string,
  open: (t: TestContext) => Replicas | Promise<Replicas>,
): void {
  const versions = new VersionClock('000000aa');
  const write = (key: string, body: string, more: Partial<Write> = {}): Write =>
    writeOf(key, body, versions.next(), more);
  const removal = (key: string, more: Partial<Removal> = {}): Removal => ({
    key,
    version: versions.next(),
    ...more,
  });
  const contract = (sentence: string, run: (replicas: Replicas) => Promise<void>) =>
    test(`${storeName}: ${sentence}`, async (t) => run(await open(t)));

  contract('every replica reads the value that was written', async ({ one, two }) => {
    const written = write('borrow_rate:AAPL', '{"rate":0.05}');
    assert.deepEqual(await one.write(written), { status: 'created', version: written.version });
    for (const store of [one, two]) {
      const entry = (await store.read('borrow_rate:AAPL'))!;
      assert.deepEqual(entry.value, written.value);
      assert.equal(entry.type, 0);
      assert.equal(entry.version, written.version);
      assert.equal(entry.storedAt, written.storedAt);
      assert.equal(entry.expiresAt, written.expiresAt);
    }
  });

  contract('every replica reads when the data is from, and who supplied it', async ({ one, two }) => {
    for (const [asOf, source] of [
      [1_506_514_800_123, 'ibkr'],
      [1_506_514_800_123, undefined],
      [undefined, 'ibkr'],
    ] as const) {
      await one.write(write('borrow_rate:AAPL', '1', { origin: originOf(asOf, source) }));
      assert.deepEqual((await two.read('borrow_rate:AAPL'))!.origin, { asOf, source });
    }
    await one.write(write('borrow_rate:AAPL', '1'));
    assert.equal((await two.read('borrow_rate:AAPL'))!.origin, undefined);
  });

  contract('a change with unless-newer is refused only if the stored data is newer', async ({ one, two }) => {
    const condition = (asOf: number): Condition => ({ is: 'unless-newer', asOf });
    const stored = 2 ** 40;
    const first: WriteOutcome = await one.write(
      write('k', '1', { origin: originOf(stored, 'ibkr'), condition: condition(1) }),
    );
    assert.equal(first.status, 'created', 'an absent key refuses nothing');
    for (const asOf of [1, stored - 2 ** 32, stored - 1]) {
      const expected: WriteOutcome = { status: 'refused', version: first.version };
      assert.deepEqual(await two.write(write('k', '2', { condition: condition(asOf) })), expected);
      assert.deepEqual(await two.remove(removal('k', { condition: condition(asOf) })), expected);
    }
    const equal = write('k', '2', { condition: condition(stored), origin: originOf(stored, 'ibkr') });
    assert.equal((await two.write(equal)).status, 'replaced');
    const later = write('k', '3', { condition: condition(stored + 2 ** 33) });
    assert.equal((await one.write(later)).status, 'replaced');
    const unknown = write('k', '4', { condition: condition(1) });
    assert.equal((await one.write(unknown)).status, 'replaced', 'a value without asOf refuses nothing');
    assert.equal((await one.remove(removal('k', { condition: condition(1) }))).status, 'deleted');
  });

  contract('if-older with asOf also refuses where the stored data is newer', async ({ one, two }) => {
    const { version } = await one.write(write('k', '1', { origin: originOf(2000, undefined) }));
    const attempt = (asOf: number) => {
      const next = write('k', '2', { origin: originOf(asOf, undefined) });
      return two.write({ ...next, condition: { is: 'if-older', version: next.version, asOf } });
    };
    assert.deepEqual(await attempt(1999), { status: 'refused', version });
    assert.equal((await attempt(2000)).status, 'replaced');
    const old = write('k', '3', { version: '000000000000000100000000', origin: originOf(3000, undefined) });
    const stale = await two.write({
      ...old,
      condition: { is: 'if-older', version: old.version, asOf: 3000 },
    });
    assert.equal(stale.status, 'refused', 'the version counts too');
  });

  contract('every value and every key are read back unchanged', async ({ one, two }) => {
    const value = fc.oneof(
      fc
        .string()
        .map((text): Value => ({ encoding: 'json', body: JSON.stringify(text.replace(/[^ -~]/g, '')) })),
      fc
        .uint8Array()
        .map((bytes): Value => ({ encoding: 'msgpack', body: keep('msgpack', Buffer.from(bytes)) })),
    );
    const key = fc.oneof(
      fc.string({ minLength: 1, unit: 'grapheme' }),
      fc.constantFrom('constructor', '__proto__', '🦊', 'a/b c', '*', '[x]', '{a}:b'),
    );
    await fc.assert(
      fc.asyncProperty(key, value, async (key, value) => {
        await one.write(write(key, '', { value }));
        assert.deepEqual((await two.read(key))?.value, value);
      }),
      { numRuns: 200 },
    );
  });

  contract('a write that is sent late keeps its deadline', async ({ one, two }) => {
    const storedAt = Date.now() - 50_000;
    await one.write(write('k', '1', { storedAt, expiresAt: storedAt + TTL_MS }));
    const entry = (await two.read('k'))!;
    assert.deepEqual([entry.storedAt, entry.expiresAt], [storedAt, storedAt + TTL_MS]);
    const { keys } = await two.list(EVERYTHING, undefined, 1_000_000);
    assert.ok(keys[0]!.ttlMs! <= 10_000, 'its TTL does not start again');
  });

  contract('a read of an absent key returns undefined', async ({ one }) => {
    assert.equal(await one.read('volatility:NONE'), undefined);
  });

  contract('a read of an expired value returns undefined', async ({ one, two }) => {
    await one.write(write('k', '1', { expiresAt: Date.now() + 20 }));
    await until(async () => (await one.read('k')) === undefined);
    assert.equal(await two.read('k'), undefined);
    assert.equal((await two.write(write('k', '2'))).status, 'created');
  });

  contract('a second write replaces the value', async ({ one, two }) => {
    await one.write(write('k', '1'));
    const second = write('k', '2');
    assert.deepEqual(await two.write(second), { status: 'replaced', version: second.version });
    assert.equal((await one.read('k'))!.json, '2');
  });

  contract('a removal deletes the value, and returns absent if no value exists', async ({ one, two }) => {
    await one.write(write('k', '1'));
    assert.deepEqual((await two.remove(removal('k'))).status, 'deleted');
    assert.equal(await one.read('k'), undefined);
    assert.deepEqual((await one.remove(removal('k'))).status, 'absent');
  });

  contract('calls take effect in the order of the calls', async ({ one }) => {
    const outcomes = await Promise.all([
      one.write(write('k', '1')),
      one.write(write('k', '2')),
      one.remove(removal('k')),
      one.remove(removal('k')),
      one.write(write('k', '3')),
      one.write(write('k', '4', { condition: { is: 'if-exists' } })),
    ]);
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['created', 'replaced', 'deleted', 'absent', 'created', 'replaced'],
    );
    assert.equal((await one.read('k'))!.json, '4');
  });

  for (const { name, condition, absent, present, other } of conditions()) {
    const cases = [
      ['the key is absent', absent, undefined],
      ['the key has that version', present, SOME_VERSION],
      ['the key has another version', other, '0123456789abcdef00000001'],
    ] as const;
    for (const [state, allowed, stored] of cases) {
      contract(
        `a write on condition "${name}" is ${allowed ? 'applied' : 'refused'} when ${state}`,
        async ({ one, two }) => {
          if (stored !== undefined) await one.write(write('k', '"old"', { version: stored }));
          const attempt = write('k', '"new"', { condition });
          const outcome = await two.write(attempt);
          if (allowed) {
            assert.equal(outcome.status, stored === undefined ? 'created' : 'replaced');
            assert.equal((await one.read('k'))!.json, '"new"');
          } else {
            assert.deepEqual(outcome, { status: 'refused', version: stored });
            assert.equal((await one.read('k'))?.json, stored && '"old"');
          }
        },
      );

      contract(
        `a removal on condition "${name}" is ${allowed ? 'applied' : 'refused'} when ${state}`,
        async ({ one, two }) => {
          if (stored !== undefined) await one.write(write('k', '"old"', { version: stored }));
          const outcome = await two.remove(removal('k', { condition }));
          if (allowed) assert.equal(outcome.status, stored === undefined ? 'absent' : 'deleted');
          else assert.deepEqual(outcome, { status: 'refused', version: stored });
          assert.equal((await one.read('k'))?.json, allowed ? undefined : stored && '"old"');
        },
      );
    }
  }

  contract(
    'exactly one of 100 concurrent writers with the same if-version condition wins, across two replicas',
    async ({ one, two }) => {
      const { version } = await one.write(write('k', '0'));
      const condition: Condition = { is: 'if-version', versions: [version!] };
      const outcomes = await Promise.all(
        Array.from({ length: 100 }, (_, i) =>
          (i % 2 ? one : two).write(write('k', String(i), { condition })),
        ),
      );
      const winners = outcomes.flatMap(({ status }, i) => (status === 'replaced' ? [i] : []));
      assert.equal(winners.length, 1);
      assert.equal(outcomes.filter(({ status }) => status === 'refused').length, 99);
      const stored = (await one.read('k'))!;
      assert.equal(stored.json, String(winners[0]));
      for (const outcome of outcomes) assert.equal(outcome.version, stored.version);
    },
  );

  contract('exactly one of 100 concurrent if-absent writers wins', async ({ one, two }) => {
    const outcomes = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        (i % 2 ? one : two).write(write('k', String(i), { condition: { is: 'if-absent' } })),
      ),
    );
    assert.equal(outcomes.filter(({ status }) => status === 'created').length, 1);
  });

  contract('versions only grow, even if the clock of a writer is an hour behind', async ({ one, two }) => {
    const ahead = new VersionClock('0000000a', () => 1_700_003_600_000);
    const behind = new VersionClock('0000000b', () => 1_700_000_000_000);
    let last = '';
    for (let i = 0; i < 20; i++) {
      const [store, clock] = i % 3 === 0 ? [one, ahead] : [two, behind];
      const stamp = clock.next();
      const { version } = await store.write(write('k', String(i), { version: stamp }));
      assert.ok(isVersion(version!));
      assert.ok(version > last, `${version} after ${last}`);
      assert.ok(version >= stamp);
      assert.equal(version.slice(16), stamp.slice(16), 'a raised version keeps its writer');
      const read = (await one.read('k'))!;
      assert.equal(read.json, String(i));
      assert.equal(read.version, version);
      last = version;
    }
  });

  contract('a stamp that is used twice is raised the second time', async ({ one }) => {
    const version = '0123456789abffff0000000a';
    assert.equal((await one.write(write('k', '1', { version }))).version, version);
    assert.equal((await one.write(write('k', '2', { version }))).version, '0123456789ac00000000000a');
  });

  contract('if-older compares versions byte by byte', async ({ one, two }) => {
    // Without versions of other programs, which are older than every stamp, and without stamps ahead of the clock of L2.
    const ladder = [
      '000000000000000100000000',
      '00000000000000ff00000000',
      '000000000000010000000000',
      '00000000000001000000007f',
      '000000000000010000000080',
      '0000000000000100000000ff',
      '00007fffffffffffffffffff',
      '000080000000000000000000',
      '0123456789abffffffffffff',
    ];
    for (const [i, stored] of ladder.entries()) {
      for (const [j, version] of ladder.entries()) {
        const condition: Condition = { is: 'if-older', version };
        await one.remove(removal('k'));
        await one.write(write('k', '"old"', { version: stored }));
        const replaced = await two.write(write('k', '"new"', { version, condition }));
        const expected = i < j ? { status: 'replaced', version } : { status: 'refused', version: stored };
        assert.deepEqual(replaced, expected, `${stored} under ${version}`);
        // The key now has this version or a later one, so it is not older.
        assert.equal((await two.remove(removal('k', { condition }))).status, 'refused');
      }
    }
  });

  contract(
    'a stamp ahead of the clock of L2 is cut to that clock, and keeps its writer',
    async ({ one, two }) => {
      const before = Date.now();
      const { version } = await one.write(write('k', '1', { version: 'ffffffffffffffff000000cc' }));
      const stampedAt = Number.parseInt(version!.slice(0, 12), 16);
      assert.ok(stampedAt >= before && stampedAt <= Date.now(), `${version}`);
      assert.equal(version!.slice(16), '000000cc');
      const next = await two.write(write('k', '2', { version: 'ffffffffffffffff000000dd' }));
      assert.ok(next.version! > version!);
      assert.equal((await one.read('k'))!.version, next.version);
    },
  );

  contract('removeMatching deletes only entries older than its version', async (on) => {
    const before = await on.one.write(write('a:before', '1'));
    const version = versions.next();
    await on.one.write(write('a:after', '1'));
    assert.ok(before.version! < version);
    assert.equal(await on.two.removeMatching({ pattern: 'a:*' }, version), 1);
    assert.equal(await on.one.read('a:before'), undefined);
    assert.ok(await on.one.read('a:after'));
  });

  contract('removeMatching by type deletes all keys of that type and no other keys', async ({ one, two }) => {
    const keys = TYPES.flatMap((type) => [`${type}:A`, `${type}:B`]).concat('plain', 'borrow_rates:X');
    await Promise.all(keys.map((key) => one.write(write(key, '1'))));
    assert.equal(await two.removeMatching({ type: 0 }, versions.next()), 2);
    assert.equal(await one.read('borrow_rate:A'), undefined);
    // Type 6 is `other`: the two keys named other, and the two keys of an unknown type.
    assert.equal(await two.removeMatching({ type: 6 }, versions.next()), 4);
    assert.equal(await one.read('plain'), undefined);
    assert.ok(await one.read('min_rate:A'));
    assert.equal(await two.removeMatching(EVERYTHING, versions.next()), 10);
    assert.equal(await two.removeMatching(EVERYTHING, versions.next()), 0);
  });

  contract('removeMatching returns the exact count across many slices', async ({ one, two }) => {
    await Promise.all(Array.from({ length: 2500 }, (_, i) => one.write(write(`volatility:${i}`, '1'))));
    assert.equal(
      await two.removeMatching({ pattern: 'volatility:1*' }, versions.next()),
      1 + 10 + 100 + 1000,
    );
    assert.equal(await two.removeMatching({ pattern: 'volatility:?' }, versions.next()), 9);
    assert.equal(await two.removeMatching({ type: 1 }, versions.next()), 2500 - 1111 - 9);
  });

  contract('list returns every matching key over its pages', async ({ one, two }) => {
    const keys = Array.from({ length: 300 }, (_, i) => `event_risk:${i}`);
    await Promise.all([...keys, 'other', 'event_risks:1'].map((key) => one.write(write(key, '1'))));
    for (const match of [{ type: 2 }, { pattern: 'event_risk:*' }]) {
      const found = new Set<string>();
      let cursor: string | undefined;
      do {
        const page = await two.list(match, cursor, 25);
        for (const { key, ttlMs } of page.keys) {
          found.add(key);
          assert.ok(ttlMs! > 0 && ttlMs! <= TTL_MS, String(ttlMs));
        }
        cursor = page.cursor;
      } while (cursor !== undefined);
      assert.deepEqual([...found].sort(), keys.toSorted());
    }
  });

  contract('list of an empty store ends without keys', async ({ one }) => {
    let cursor: string | undefined;
    do {
      const page = await one.list(EVERYTHING, cursor, 1000);
      assert.deepEqual(page.keys, []);
      cursor = page.cursor;
    } while (cursor !== undefined);
  });
}

interface ConditionCase {
  readonly name: string;
  readonly condition: Condition;
  /** Whether the condition holds for an absent key, for `SOME_VERSION`, and for another version. */
  readonly absent: boolean;
  readonly present: boolean;
  readonly other: boolean;
}

function conditions(): ConditionCase[] {
  const versions = ['00000000000000000000000f', SOME_VERSION];
  // NO_VERSION, which means "absent", must not match a stored version.
  const withNothing = [NO_VERSION, SOME_VERSION];
  const row = (name: string, condition: Condition, absent: boolean, present: boolean, other: boolean) => {
    return { name, condition, absent, present, other };
  };
  return [
    row('if the key exists', { is: 'if-exists' }, false, true, true),
    row('if the key is absent', { is: 'if-absent' }, true, false, false),
    row('if it has that version', { is: 'if-version', versions }, false, true, false),
    row(
      'if it has that version or NO_VERSION',
      { is: 'if-version', versions: withNothing },
      false,
      true,
      false,
    ),
    row(
      'if it has one of an empty list of versions',
      { is: 'if-version', versions: [] },
      false,
      false,
      false,
    ),
    row('unless it has that version', { is: 'unless-version', versions }, true, false, true),
    row(
      'unless it has that version or NO_VERSION',
      { is: 'unless-version', versions: withNothing },
      true,
      false,
      true,
    ),
    row('if it is older than that version', { is: 'if-older', version: SOME_VERSION }, true, false, false),
    row(
      'if it is older than a later version',
      { is: 'if-older', version: '0123456789abcdef00000001' },
      true,
      true,
      false,
    ),
    row('if it is older than all', { is: 'if-older', version: 'f'.repeat(24) }, true, true, true),
    row('if it is older than NO_VERSION', { is: 'if-older', version: NO_VERSION }, true, false, false),
  ];
}
