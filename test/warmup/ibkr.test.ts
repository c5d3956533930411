import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ibkrFile } from '../../loadtest/traffic/ibkr-file.ts';
import { IbkrParser, type SheetOptions } from '../../src/warmup/ibkr.ts';
import type { Conflict, Fault, WarmupRecord } from '../../src/warmup/record.ts';

const EXCERPT = readFileSync(new URL('../data/ibkr-usa-2017-09-27.txt', import.meta.url), 'utf8');
const COLUMNS = '#SYM|CUR|NAME|CON|ISIN|REBATERATE|FEERATE|AVAILABLE|';
const BOF = '#BOF|2017.09.27|06:30:03';
const HEADER = `${BOF}\n${COLUMNS}`;
const NOW = Date.UTC(2026, 10, 28);

test('every row of the broker file becomes a record, and a wrong #EOF count only a note', () => {
  const { records, faults, notes } = parse(EXCERPT);
  assert.equal(records.length, 22);
  assert.deepEqual(faults, []);
  assert.deepEqual(notes, ['#EOF states 13425 rows, but the file has 22']);
});

test('a record has every column, rates as exact decimals per year, and the time and source of its data', () => {
  const { records } = parse(EXCERPT);
  assert.deepEqual(records[2], {
    key: 'borrow_rate:AAAP',
    json:
      '{"symbol":"AAAP","currency":"USD","name":"ADVANCED ACCELERATOR APP-ADR","isin":"XXXXXXXT1007","figi":null,' +
      '"contract_id":"212212690","fee_rate":0.075892,"rebate_rate":-0.064292,"available":350000,' +
      '"available_at_least":false,"as_of":"2017-09-27T10:30:03Z","source":"ibkr","sheet":"usa"}',
    asOf: Date.UTC(2017, 8, 27, 10, 30, 3),
    source: 'ibkr',
    listing: { sheet: 'usa', contract: '212212690', currency: 'USD' },
  });
});

test('#BOF is New York time with daylight saving, or the time of another zone', () => {
  const asOf = (stamp: string, timezone?: string) =>
    parse(`#BOF|${stamp}\n${COLUMNS}\nA|USD|X|1|Y|1|1|1|\n#EOF|1`, timezone === undefined ? {} : { timezone })
      .records.map(({ asOf }) => new Date(asOf!).toISOString())
      .join();
  assert.equal(asOf('2026.01.15|09:30:01'), '2026-01-15T14:30:01.000Z');
  assert.equal(asOf('2026.07.15|09:30:01'), '2026-07-15T13:30:01.000Z');
  assert.equal(asOf('2026.03.08|01:59:59'), '2026-03-08T06:59:59.000Z');
  assert.equal(asOf('2026.03.08|03:00:00'), '2026-03-08T07:00:00.000Z');
  assert.equal(asOf('2026.07.15|09:30:01', 'Europe/Berlin'), '2026-07-15T07:30:01.000Z');
  assert.equal(asOf('2026.07.15|09:30:01', 'Asia/Kolkata'), '2026-07-15T04:00:01.000Z');
  assert.equal(asOf('2026.11.01|01:30:00'), '2026-11-01T05:30:00.000Z', 'the earlier of the two');
  assert.equal(asOf('2026.07.15|09:30:01|', 'UTC'), '2026-07-15T09:30:01.000Z');
});

test('a sheet older than the maximum age is refused, or loaded as suspect with the option stale', () => {
  const text = `#BOF|2026.11.27|09:30:01\n${COLUMNS}\nA|USD|X|1|Y|1|1|1|\n#EOF|1`;
  const HOUR = 3_600_000;
  const asOf = Date.UTC(2026, 10, 27, 14, 30, 1);
  const at = (age: number, stale = false) =>
    parse(text, { maxAgeMs: 24 * HOUR, stale, now: () => asOf + age });
  assert.equal(at(24 * HOUR).records[0]!.suspect, undefined);
  const refused = at(25 * HOUR);
  assert.deepEqual(refused.records, []);
  assert.equal(
    refused.faults[0]!.reason,
    '#BOF is "2026.11.27|09:30:01" in America/New_York, 25 h ago; expected at most 24 h; ' +
      'load a newer file, or load this file as suspect with --stale',
  );
  const stale = at(25 * HOUR, true);
  assert.equal(stale.records[0]!.suspect, true);
  assert.deepEqual(stale.notes, ['the rates are 25 h old; they are suspect']);
  assert.equal(at(HOUR, true).records[0]!.suspect, undefined);
});

test('a sheet from the future is refused, because it would block every later sheet', () => {
  const text = `#BOF|2026.11.27|09:30:01\n${COLUMNS}\nA|USD|X|1|Y|1|1|1|\n#EOF|1`;
  const { records, faults } = parse(text, { now: () => Date.UTC(2026, 10, 27, 11, 30, 1) });
  assert.deepEqual(records, []);
  assert.match(faults[0]!.reason, /, 3 h in the future; check --timezone and the clock/);
});

test('>10000000 shares means at least that many', () => {
  const value = values(EXCERPT)[0]!;
  assert.equal(value.available, 10_000_000);
  assert.equal(value.available_at_least, true);
});

test('NA rates are null, and so are empty rates', () => {
  const value = values(EXCERPT).find((each) => each.symbol === 'ZWBC')!;
  assert.equal(value.fee_rate, null);
  assert.equal(value.rebate_rate, null);
  assert.equal(value.available, 60_000);
  const [empty] = values(cases('empty-fee.txt'));
  assert.deepEqual([empty!.symbol, empty!.fee_rate, empty!.rebate_rate], ['ZRX', null, null]);
});

test('FIGI is kept, and HTML entities in names are decoded', () => {
  const text = `${BOF}\n#SYM|CUR|NAME|FEERATE|REBATERATE|AVAILABLE|FIGI|\nA|USD|AT&amp;T &#39;A&#x27; &copyX|1|1|1|BBG1|\n#EOF|1`;
  const [value] = values(text);
  assert.deepEqual([value!.figi, value!.name], ['BBG1', `AT&T 'A' &copyX`]);
  const hidden = parse(text.replace('&amp;', '&#10;'));
  assert.match(hidden.faults[0]!.reason, /^NAME is "AT\\nT .*", expected text without control characters$/);
});

test('NA shares are null, and NA is a symbol like any other', () => {
  const [value] = values(`${HEADER}\nNA|CAD|NATIONAL BANK|1|NA|NA|1|NA|\n#EOF|1`);
  assert.equal(value!.symbol, 'NA');
  assert.equal(value!.available, null);
  assert.equal(value!.isin, null);
});

test('the #SYM line sets the columns and their order, and may name additional columns', () => {
  const text = `${BOF}\n#CUR|AVAILABLE|NEW|SYM|FEERATE|REBATERATE\nUSD|5|whatever|A|1|-1\n#EOF|1`;
  const { records, faults, notes } = parse(text);
  assert.deepEqual([faults, notes], [[], []]);
  assert.deepEqual(JSON.parse(records[0]!.json), {
    symbol: 'A',
    currency: 'USD',
    name: null,
    isin: null,
    figi: null,
    contract_id: null,
    fee_rate: 0.01,
    rebate_rate: -0.01,
    available: 5,
    available_at_least: false,
    as_of: '2017-09-27T10:30:03Z',
    source: 'ibkr',
    sheet: 'usa',
  });
});

test('needed columns that are missing are a fatal fault that names them', () => {
  const { faults } = parse('#BOF|2017.09.27|06:30:03\n#SYM|CUR|REBATERATE|\n');
  const reason = 'the columns FEERATE, AVAILABLE are missing from the #SYM line';
  assert.deepEqual(faults, [{ line: 2, reason, fatal: true }]);
});

test('a column named twice is a fatal fault', () => {
  const { faults } = parse('#SYM|FEERATE|REBATERATE|AVAILABLE|FEERATE|');
  assert.deepEqual(faults, [{ line: 1, reason: 'the column FEERATE is repeated', fatal: true }]);
});

test('symbols with spaces and bonds with numeric symbols are ordinary', () => {
  const { records } = parse(
    `${HEADER}\nBRK B|USD|X|1|Y|1|1|1|\n912810RZ|USD|X|1|Y|1|1|1|\n12345678|USD|X|1|Y|1|1|1|\n#EOF|3`,
  );
  const keys = records.map((record) => record.key);
  assert.deepEqual(keys, ['borrow_rate:BRK B', 'borrow_rate:912810RZ', 'borrow_rate:12345678']);
  assert.equal(JSON.parse(records[2]!.json).symbol, '12345678');
});

test('blank lines are skipped but counted', () => {
  const { records, faults } = parse(`\n${HEADER}\n\n  \nA|USD|X|1|Y|1|1|bad|\nB|USD|X|1|Y|1|1|1|\n#EOF|2`);
  assert.equal(records.length, 1);
  assert.equal(faults[0]!.line, 6);
});

test('each malformed row is a fault with its line and reason, and the rest become records', () => {
  const rows: [row: string, reason: string | undefined][] = [
    ['A|USD|X|1|Y|1|1|1|', undefined],
    ['B|USD|X|1|Y|1|1|', '7 fields, expected 8'],
    ['B|USD|X|Y|1|Y|1|1|1|', '9 fields, expected 8'],
    ['B|USD|X|1|Y|1|1|1|x', '9 fields, expected 8'],
    [' |USD|X|1|Y|1|1|1|', 'the symbol is empty'],
    ['B|USD|X|1|Y|1|1.2.3|1|', 'FEERATE is "1.2.3", expected a percentage or NA'],
    ['B|USD|X|1|Y|x|1|1|', 'REBATERATE is "x", expected a percentage or NA'],
    ['B|usd|X|1|Y|1|1|1|', 'CUR is "usd", expected three capital letters such as USD'],
    ['B||X|1|Y|1|1|1|', 'CUR is "", expected three capital letters such as USD'],
    ['B|USD|X|1|Y|1|1|-5|', 'AVAILABLE is "-5", expected a whole number, >number or NA'],
    ['B|USD|X|1|Y|1|1|1.5|', 'AVAILABLE is "1.5", expected a whole number, >number or NA'],
    ['B|USD|X\u0007|1|Y|1|1|1|', 'NAME is "X\\u0007", expected text without control characters'],
    ['C|USD|X|1|Y|1|1|1', undefined],
  ];
  const { records, faults } = parse([HEADER, ...rows.map(([row]) => row), '#EOF|13'].join('\n'));
  const expected = rows.flatMap(([, reason], index) =>
    reason === undefined ? [] : [{ line: index + 3, reason }],
  );
  assert.deepEqual(faults, expected);
  assert.deepEqual(
    records.map((record) => record.key),
    ['borrow_rate:A', 'borrow_rate:C'],
  );
});

test('a symbol that occurs twice is noted, and both rows become records in order', () => {
  const { records, notes } = parse(`${HEADER}\nA|USD|X|1|Y|1|1|1|\nA|USD|X|1|Y|1|2|1|\n#EOF|2`);
  assert.deepEqual(
    records.map((record) => JSON.parse(record.json).fee_rate),
    [0.01, 0.02],
  );
  assert.deepEqual(notes, ['"borrow_rate:A" occurs on lines 3 and 4; the later row wins']);
});

test('many symbols that occur twice do not flood the notes', () => {
  const row = 'A|USD|X|1|Y|1|1|1|';
  const { notes } = parse(`${HEADER}\n${`${row}\n`.repeat(100)}#EOF|100`);
  assert.equal(notes.length, 6);
  assert.equal(notes[5], '94 more rows repeat a symbol; the later row wins');
});

test('a row before the #SYM line is a fault', () => {
  const { faults } = parse('A|USD|X|1|Y|1|1|1|\n#EOF|1');
  assert.deepEqual(faults, [{ line: 1, reason: 'the row precedes the #SYM line, which names the columns' }]);
});

test('a time stamp that is invalid, missing, or skipped by daylight saving is a fatal fault', () => {
  const stamps = [
    '2017.02.31|06:30:03',
    '2017-09-27|06:30:03',
    '2017.09.27|25:00:00',
    '2026.03.08|02:30:00',
    '',
  ];
  for (const stamp of stamps) {
    const { faults, records } = parse(`#BOF|${stamp}\n${COLUMNS}\nA|USD|X|1|Y|1|1|1|\n#EOF|1`);
    assert.deepEqual([faults.length, faults[0]!.line, faults[0]!.fatal], [1, 1, true], stamp);
    assert.match(faults[0]!.reason, /expected a time of America\/New_York as YYYY\.MM\.DD\|HH:MM:SS/);
    assert.deepEqual(records, []);
  }
  const { faults } = parse(`${COLUMNS}\nA|USD|X|1|Y|1|1|1|\n#EOF|1`);
  const reason = 'the row precedes the #BOF line, which states when the rates are from';
  assert.deepEqual(faults, [{ line: 2, reason, fatal: true }]);
});

test('a row after #EOF is a fault', () => {
  const { faults, records } = parse(`${HEADER}\nA|USD|X|1|Y|1|1|1|\n#EOF|1\nB|USD|X|1|Y|1|1|1|`);
  assert.equal(records.length, 1);
  assert.match(faults[0]!.reason, /^the row follows the #EOF line/);
});

test('a file without #EOF is a fault, since it was cut short', () => {
  const { records, faults } = parse(`${HEADER}\nA|USD|X|1|Y|1|1|1|`);
  assert.equal(records.length, 1);
  const reason = 'the #EOF line is missing: the file is truncated; load a complete file';
  assert.deepEqual(faults, [{ line: 3, reason }]);
  const two = parse(`${HEADER}\nA|USD|X|1|Y|1|1|1|\n${HEADER}\nB|USD|X|1|Y|1|1|1|\n#EOF|1`);
  assert.deepEqual(two.faults, [{ line: 3, reason }]);
  assert.equal(two.records.length, 2);
});

test('a file without rows is noted', () => {
  const { faults, notes } = parse(`${HEADER}\n#EOF|0`);
  assert.deepEqual([faults, notes], [[], ['the file has no rows']]);
});

test('a symbol in two currencies has two keys, and --currency selects the plain one', () => {
  const keys = (options: SheetOptions) =>
    parse(cases('d.txt'), options).records.map(({ key, listing }) => [key, listing!.currency]);
  assert.deepEqual(keys({}), [
    ['borrow_rate:X', 'USD'],
    ['borrow_rate:X.EUR', 'EUR'],
  ]);
  assert.deepEqual(keys({ currency: 'EUR' }), [
    ['borrow_rate:X.USD', 'USD'],
    ['borrow_rate:X', 'EUR'],
  ]);
});

test('a symbol of two contracts in one currency is a conflict, and the first row is loaded', () => {
  const { records, faults, conflicts } = parse(
    `${HEADER}\nX|USD|A|1|Y|1|0.25|1|\nX|USD|B|2|Y|1|9.75|1|\nX.EUR|USD|C|3|Y|1|1|1|\nX|EUR|D|4|Y|1|1|1|\n#EOF|4`,
  );
  assert.deepEqual(faults, []);
  assert.deepEqual(
    records.map(({ json }) => JSON.parse(json).name),
    ['A', 'C'],
  );
  assert.deepEqual(conflicts, [
    {
      line: 4,
      key: 'borrow_rate:X',
      reason: 'contract "2" in "USD", but line 3 has contract "1" in "USD"; line 3 wins',
    },
    {
      line: 6,
      key: 'borrow_rate:X.EUR',
      reason: 'contract "4" in "EUR", but line 5 has contract "3" in "USD"; line 5 wins',
    },
  ]);
});

test('aliases are further keys with the same value', () => {
  const text = `${HEADER}\nBRK B|USD|X|1|Y|1|1|1|\nBRK B|EUR|X|2|Y|1|1|1|\nA|USD|X|3|Y|1|1|1|\n#EOF|3`;
  const { records } = parse(text, { aliases: true });
  assert.deepEqual(
    records.map(({ key }) => key.slice('borrow_rate:'.length)),
    ['BRK B', 'BRK.B', 'BRK/B', 'BRK B.EUR', 'BRK.B.EUR', 'BRK/B.EUR', 'A'],
  );
  assert.equal(records[1]!.json, records[0]!.json);
});

test('a file is incomplete without #EOF or with another count, and complete with #EOF alone', () => {
  const rows = `${HEADER}\nA|USD|X|1|Y|1|1|1|\n`;
  assert.deepEqual(parse(`${rows}#EOF|1`).incomplete, []);
  const bare = parse(`${rows}#EOF`);
  assert.deepEqual(bare.incomplete, []);
  assert.deepEqual(bare.notes, ['#EOF has no count, so the number of rows was not checked']);
  assert.deepEqual(parse(`${rows}#EOF|2`).incomplete, ['#EOF states 2 rows, but the file has 1']);
  assert.deepEqual(parse(`${rows}#EOF|x`).incomplete, ['#EOF states "x" rows, but the file has 1']);
  assert.deepEqual(parse(rows).incomplete, ['the #EOF line is missing']);
  assert.deepEqual(parse(cases('trunc.txt')).incomplete, ['the #EOF line is missing']);
});

test('numbers with separators, exponents or fractions of a share are faults with their text', () => {
  const { records, faults } = parse(cases('odd.txt'));
  assert.deepEqual(records, []);
  assert.deepEqual(
    faults.map(({ line, reason }) => `${line} ${reason.split(',')[0]}`),
    [
      '3 AVAILABLE is "1',
      '4 FEERATE is "1e2"',
      '5 FEERATE is "N/A"',
      '6 AVAILABLE is "1000.0"',
      '7 AVAILABLE is ""',
    ],
  );
});

test('an unknown # line is noted and skipped', () => {
  const { notes, records } = parse(`# made by hand\n${HEADER}\nA|USD|X|1|Y|1|1|1|\n#EOF|1`);
  assert.deepEqual(notes, ['line 1: ignored the unknown line "# made by hand"']);
  assert.equal(records.length, 1);
});

test('files of several countries, one after the other, each have their own stamp, columns and count', () => {
  const second = '#BOF|2017.09.28|01:02:03\n#SYM|FEERATE|REBATERATE|AVAILABLE|\nB|1|1|1|\n#EOF|1';
  const { records, faults, notes } = parse(`${HEADER}\nA|USD|X|1|Y|1|1|1|\n#EOF|1\n${second}`);
  assert.deepEqual([faults, notes], [[], []]);
  assert.deepEqual(
    records.map((record) => JSON.parse(record.json).as_of),
    ['2017-09-27T10:30:03Z', '2017-09-28T05:02:03Z'],
  );
});

test('13,425 rows, as many as the real file has, all become records', () => {
  const { records, faults, notes } = parse(ibkrFile(13_425));
  assert.deepEqual([faults, notes], [[], []]);
  assert.equal(records.length, 13_425);
  const all = records.map((record) => JSON.parse(record.json));
  assert.ok(all.some((value) => value.fee_rate === null));
  assert.ok(all.some((value) => value.available_at_least));
  assert.ok(all.some((value) => value.rebate_rate < 0));
  assert.ok(all.some((value) => value.symbol.includes(' ')));
  assert.ok(all.some((value) => /^\d+$/.test(value.symbol)));
});

interface Parsed {
  records: WarmupRecord[];
  faults: Fault[];
  conflicts: Conflict[];
  notes: string[];
  incomplete: string[];
}

/** Reads as far as a source does: nothing after a fatal fault. */
function parse(text: string, options: SheetOptions = {}): Parsed {
  const parser = new IbkrParser({ now: () => NOW, ...options });
  const parsed: Parsed = { records: [], faults: [], conflicts: [], notes: [], incomplete: [] };
  const lines = text.split('\n').entries();
  for (let step = lines.next(); parsed.faults.at(-1)?.fatal !== true; step = lines.next()) {
    for (const item of step.done ? parser.end() : parser.line(step.value[1], step.value[0] + 1)) {
      if ('record' in item) parsed.records.push(item.record);
      else if ('fault' in item) parsed.faults.push(item.fault);
      else if ('conflict' in item) parsed.conflicts.push(item.conflict);
      else if ('note' in item) parsed.notes.push(item.note);
      else parsed.incomplete.push(item.incomplete);
    }
    if (step.done) break;
  }
  return parsed;
}

function cases(name: string): string {
  return readFileSync(new URL(`cases/${name}`, import.meta.url), 'utf8');
}

function values(text: string): Record<string, unknown>[] {
  return parse(text).records.map((record) => JSON.parse(record.json));
}
