import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IbkrParser, type SheetOptions } from '../../src/warmup/ibkr.ts';
import { load } from '../../src/warmup/load.ts';
import type { Item, WarmupRecord } from '../../src/warmup/record.ts';
import { SheetTarget } from '../../src/warmup/sheet-target.ts';
import type { Outcome, Stored, Target } from '../../src/warmup/sink.ts';
import type { Summary } from '../../src/warmup/summary.ts';

const TEN = ['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J'];

test('a new sheet deletes the rows that it lacks, and no others', async () => {
  const store = new MemoryTarget();
  store.put('borrow_rate:MINE', { symbol: 'MINE' });
  await sheet(store, TEN);
  await sheet(store, ['Z'], { sheet: 'other' });
  await sheet(store, ['Z'], { of: 'EUR' });
  const summary = await sheet(store, [...TEN.slice(2), 'NEW'], { at: '10:00:00' });
  assert.deepEqual([summary.stored, summary.deleted, summary.notReplaced], [9, 2, null]);
  assert.deepEqual(
    store.keys(),
    [...TEN.slice(2), 'MINE', 'NEW', 'Z', 'Z.EUR'].map((symbol) => `borrow_rate:${symbol}`),
  );
});

test('without replace nothing is deleted', async () => {
  const store = new MemoryTarget();
  await sheet(store, TEN);
  await sheet(store, TEN.slice(1), { replace: false });
  assert.equal(store.keys().length, 10);
});

test('a sheet with less than 80 % of the previous rows deletes nothing', async () => {
  const store = new MemoryTarget();
  await sheet(store, TEN);
  const few = await sheet(store, TEN.slice(3));
  assert.match(
    few.notReplaced!,
    /^the file has 7 of the 10 previous rows of the sheet "usa", expected at least 80 %/,
  );
  assert.equal(store.keys().length, 10);
  assert.equal((await sheet(store, TEN.slice(2))).deleted, 2);
});

test('other rows instead of the previous rows do not count as the previous rows', async () => {
  const store = new MemoryTarget();
  await sheet(store, TEN);
  const other = await sheet(store, ['K', 'L', 'M', 'N', 'O', 'P', 'Q', 'R', 'S', 'T']);
  assert.match(other.notReplaced!, /^the file has 0 of the 10 previous rows/);
});

test('a truncated sheet, a wrong count, and a line that cannot be read delete nothing', async () => {
  const store = new MemoryTarget();
  await sheet(store, TEN);
  for (const [end, reason] of [
    ['', /^the #EOF line is missing$/],
    ['#EOF|8', /^#EOF states 8 rows, but the file has 9$/],
    ['K|USD|X|1|Y|1|bad|1|\n#EOF|10', /^some lines of the file could not be read$/],
  ] as const)
    assert.match((await sheet(store, TEN.slice(1), { end })).notReplaced!, reason);
  assert.equal(store.keys().length, 10);
  assert.equal((await sheet(store, TEN.slice(1), { end: '#EOF' })).deleted, 1);
});

test('an older sheet does not delete the rows of a newer sheet', async () => {
  const store = new MemoryTarget();
  await sheet(store, TEN, { at: '10:00:00' });
  const older = await sheet(store, TEN.slice(1), { at: '09:00:00' });
  assert.deepEqual([older.deleted, older.notReplaced], [0, null]);
  assert.equal(store.keys().length, 10);
});

test('a value that was written after the sheet was listed stays', async () => {
  const store = new MemoryTarget();
  await sheet(store, TEN);
  store.beforeRemove = () => store.put('borrow_rate:A', 'from an operator');
  const summary = await sheet(store, TEN.slice(2));
  assert.equal(summary.deleted, 1);
  assert.ok(store.keys().includes('borrow_rate:A'));
});

test('while Redis does not answer, nothing is deleted', async () => {
  const store = new MemoryTarget();
  await sheet(store, TEN);
  store.silent = 'borrow_rate:C';
  const summary = await sheet(store, TEN.slice(1));
  assert.match(summary.notReplaced!, /^Redis did not answer/);
  assert.equal(store.keys().length, 10);
});

test('a row whose key has another stored contract is a conflict, also across files', async () => {
  const store = new MemoryTarget();
  await sheet(store, ['X'], { contract: '1' });
  const euro = await sheet(store, ['X'], { contract: '2', of: 'EUR', currency: 'EUR', sheet: 'germany' });
  assert.deepEqual([euro.stored, euro.conflictCount], [0, 1]);
  assert.deepEqual(euro.conflicts, [
    {
      line: 3,
      key: 'borrow_rate:X',
      reason:
        'contract "2" in "EUR", but the stored row has contract "1" in "USD" of the sheet "usa"; the stored row stays',
    },
  ]);
  const other = await sheet(store, ['X', 'Y'], { contract: '2', replace: false });
  assert.deepEqual([other.stored, other.conflictCount], [1, 1]);
  assert.equal(store.value('borrow_rate:X').contract_id, '1');
});

test('with replace, a symbol may have a new contract in the next sheet', async () => {
  const store = new MemoryTarget();
  await sheet(store, ['X'], { contract: '1' });
  const next = await sheet(store, ['X'], { contract: '2', at: '10:00:00' });
  assert.deepEqual([next.stored, next.conflictCount], [1, 0]);
  assert.equal(store.value('borrow_rate:X').contract_id, '2');
});

test('aliases are deleted with their row', async () => {
  const store = new MemoryTarget();
  await sheet(store, [...TEN, 'BRK B'], { aliases: true });
  assert.equal(store.keys().length, 13);
  assert.equal(
    (await sheet(store, TEN, { aliases: true })).notReplaced?.slice(0, 34),
    'the file has 10 of the 13 previous',
  );
  await sheet(store, [...TEN, 'K', 'L', 'BRK B'], { aliases: true });
  assert.equal((await sheet(store, [...TEN, 'K', 'L'], { aliases: true })).deleted, 3);
});

test('lines of JSON do not replace a sheet', async () => {
  const store = new MemoryTarget();
  const target = new SheetTarget(store, true);
  const summary = await load(list([{ record: { key: 'k', json: '1' }, line: 1 }]), target);
  await target.deleteMissing(summary);
  assert.deepEqual([summary.stored, summary.notReplaced], [1, 'the file has no rows of a sheet']);
});

interface SheetText extends SheetOptions {
  readonly at?: string;
  readonly of?: string;
  readonly contract?: string;
  readonly end?: string;
  readonly replace?: boolean;
}

async function sheet(store: Target, symbols: readonly string[], text: SheetText = {}): Promise<Summary> {
  const { at = '09:30:00', of = 'USD', contract = '1', end, replace = true, ...options } = text;
  const lines = [
    `#BOF|2026.11.27|${at}`,
    '#SYM|CUR|NAME|CON|ISIN|REBATERATE|FEERATE|AVAILABLE|',
    ...symbols.map((symbol) => `${symbol}|${of}|X|${contract}|Y|1|1|1|`),
    ...(end ?? `#EOF|${symbols.length}`).split('\n'),
  ];
  const parser = new IbkrParser({ now: () => Date.UTC(2026, 10, 28), ...options });
  const items = lines.flatMap((line, index) => parser.line(line, index + 1));
  const target = new SheetTarget(store, replace);
  const summary = await load(list([...items, ...parser.end()]), target, { batchSize: 3 });
  if (replace) await target.deleteMissing(summary);
  return summary;
}

async function* list(all: readonly Item[]): AsyncGenerator<Item> {
  yield* all;
}

/** Values in a map, each with a version, as a service stores them. Listing repeats a key, as SCAN may. */
class MemoryTarget implements Target {
  /** A key about which Redis does not answer. */
  silent: string | undefined;
  beforeRemove = (): void => {};
  readonly #values = new Map<string, Stored>();
  #versions = 0;

  put(key: string, value: unknown): void {
    this.#values.set(key, { key, value, version: String(++this.#versions) });
  }

  keys(): string[] {
    return [...this.#values.keys()].sort();
  }

  value(key: string): Record<string, unknown> {
    return this.#values.get(key)!.value as Record<string, unknown>;
  }

  async write(batch: readonly WarmupRecord[]): Promise<readonly Outcome[]> {
    for (const { key, json } of batch) this.put(key, JSON.parse(json));
    return batch.map(() => ({ status: 'stored' }));
  }

  async read(keys: readonly string[]): Promise<readonly (Stored | 'absent' | 'unknown')[]> {
    return keys.map((key) => (key === this.silent ? 'unknown' : (this.#values.get(key) ?? 'absent')));
  }

  async *list(): AsyncGenerator<string[]> {
    const keys = [...this.#values.keys()];
    yield keys.slice(0, 5);
    yield keys.slice(4);
  }

  async remove(removed: readonly Stored[]): Promise<number> {
    this.beforeRemove();
    const same = removed.filter(({ key, version }) => this.#values.get(key)?.version === version);
    for (const { key } of same) this.#values.delete(key);
    return same.length;
  }
}
