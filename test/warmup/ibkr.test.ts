import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ibkrFile } from '../../loadtest/traffic/ibkr-file.ts';
import { IbkrParser } from '../../src/warmup/ibkr.ts';
import type { Item } from '../../src/warmup/record.ts';

const EXCERPT = readFileSync(new URL('../data/ibkr-usa-2017-09-27.txt', import.meta.url), 'utf8');
const HEADER = '#BOF|2017.09.27|06:30:03\n#SYM|CUR|NAME|CON|ISIN|REBATERATE|FEERATE|AVAILABLE|';

test('every row of the broker file becomes a record, and a wrong #EOF count only a note', () => {
  const { records, faults, notes } = parse(EXCERPT);
  assert.equal(records.length, 22);
  assert.deepEqual(faults, []);
  assert.deepEqual(notes, ['#EOF states 13425 rows, but the file has 22']);
});

test('a record holds every column, rates as exact decimals per year', () => {
  const { records } = parse(EXCERPT);
  assert.deepEqual(records[2], {
    key: 'borrow_rate:AAAP',
    json:
      '{"symbol":"AAAP","currency":"USD","name":"ADVANCED ACCELERATOR APP-ADR","isin":"XXXXXXXT1007",' +
      '"contract_id":"212212690","fee_rate":0.075892,"rebate_rate":-0.064292,"available":350000,' +
      '"available_at_least":false,"as_of":"2017-09-27T06:30:03Z","source":"ibkr"}',
  });
});

test('>10000000 shares means at least that many', () => {
  const value = values(EXCERPT)[0]!;
  assert.equal(value.available, 10_000_000);
  assert.equal(value.available_at_least, true);
});

test('NA rates are null', () => {
  const value = values(EXCERPT).find((each) => each.symbol === 'ZWBC')!;
  assert.equal(value.fee_rate, null);
  assert.equal(value.rebate_rate, null);
  assert.equal(value.available, 60_000);
});

test('NA shares are null, and NA is a symbol like any other', () => {
  const [value] = values(`${HEADER}\nNA|CAD|NATIONAL BANK|1|NA|NA|1|NA|\n#EOF|1`);
  assert.equal(value!.symbol, 'NA');
  assert.equal(value!.available, null);
  assert.equal(value!.isin, null);
});

test('the #SYM line sets the columns and their order, and may name additional columns', () => {
  const text = '#CUR|AVAILABLE|NEW|SYM|FEERATE|REBATERATE\nUSD|5|whatever|A|1|-1\n#EOF|1';
  const { records, faults, notes } = parse(text);
  assert.deepEqual([faults, notes], [[], []]);
  assert.deepEqual(JSON.parse(records[0]!.json), {
    symbol: 'A',
    currency: 'USD',
    name: null,
    isin: null,
    contract_id: null,
    fee_rate: 0.01,
    rebate_rate: -0.01,
    available: 5,
    available_at_least: false,
    as_of: null,
    source: 'ibkr',
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
    ['B|USD|X|1|Y||1|1|', 'REBATERATE is "", expected a percentage or NA'],
    ['B|USD|X|1|Y|1|1|-5|', 'AVAILABLE is "-5", expected a whole number, >number or NA'],
    ['B|USD|X|1|Y|1|1|1.5|', 'AVAILABLE is "1.5", expected a whole number, >number or NA'],
    ['B|USD|X\u0007|1|Y|1|1|1|', 'the row contains control characters'],
    ['C|USD|X|1|Y|1|1|1', undefined],
  ];
  const { records, faults } = parse([HEADER, ...rows.map(([row]) => row), '#EOF|11'].join('\n'));
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
  assert.deepEqual(notes, ['symbol "A" occurs on lines 3 and 4; the later row wins']);
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

test('an invalid time stamp is a fault, and as_of is null', () => {
  for (const stamp of ['2017.02.31|06:30:03', '2017-09-27|06:30:03', '2017.09.27|25:00:00', '']) {
    const { faults, records } = parse(`#BOF|${stamp}\n#SYM|FEERATE|REBATERATE|AVAILABLE|\nA|1|1|1|\n#EOF|1`);
    assert.equal(faults[0]?.line, 1, stamp);
    assert.match(faults[0]!.reason, /expected YYYY\.MM\.DD\|HH:MM:SS/);
    assert.equal(JSON.parse(records[0]!.json).as_of, null);
  }
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

test('a symbol of two contracts or currencies is a fault, and the first row stays', () => {
  const { records, faults } = parse(
    `${HEADER}\nX|USD|A|1|Y|1|0.25|1|\nX|EUR|B|2|Y|1|9.75|1|\nX|EUR|B|1|Y|1|9.75|1|\n#EOF|3`,
  );
  assert.deepEqual(
    records.map(({ json }) => JSON.parse(json).fee_rate),
    [0.0025],
  );
  assert.deepEqual(faults, [
    {
      line: 4,
      reason:
        'symbol "X" is contract "2" in "EUR", but contract "1" in "USD" on line 3; a key can store only one',
    },
    {
      line: 5,
      reason:
        'symbol "X" is contract "1" in "EUR", but contract "1" in "USD" on line 3; a key can store only one',
    },
  ]);
});

test('numbers with separators, exponents or fractions of a share, and empty fees, are faults with their text', () => {
  const header = '#BOF|2026.11.27|09:30:01\n#SYM|CUR|NAME|CON|ISIN|REBATERATE|FEERATE|AVAILABLE|FIGI|';
  const rows = [
    'A1|USD|E|5|C|1|0.25|1,000|F|',
    'A2|USD|E|5|C|1|1e2|1|F|',
    'A3|USD|E|5|C|na|N/A|na|F|',
    'A4|USD|E|5|C|1|0.25|1000.0|F|',
    'A5|USD|E|5|C|1|0.25||F|',
    'A6|USD|E|5|C|||0|F|',
    'A7|USD|E|5|C|1|1|1|F|',
    'A8|USD|E|5|C|',
  ];
  const { records, faults } = parse([header, ...rows, '#EOF|8'].join('\n'));
  assert.deepEqual(
    records.map(({ key }) => key),
    ['borrow_rate:A7'],
  );
  assert.deepEqual(
    faults.map(({ line, reason }) => `${line} ${reason.split(',')[0]}`),
    [
      '3 AVAILABLE is "1',
      '4 FEERATE is "1e2"',
      '5 FEERATE is "N/A"',
      '6 AVAILABLE is "1000.0"',
      '7 AVAILABLE is ""',
      '8 FEERATE is ""',
      '10 5 fields',
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
    ['2017-09-27T06:30:03Z', '2017-09-28T01:02:03Z'],
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
  records: { key: string; json: string }[];
  faults: { line: number; reason: string }[];
  notes: string[];
}

function parse(text: string): Parsed {
  const parser = new IbkrParser();
  const found = text.split('\n').map((line, index) => parser.line(line, index + 1));
  const items = [...found.filter((item): item is Item => item !== undefined), ...parser.end()];
  return {
    records: items.flatMap((item) => ('record' in item ? [item.record] : [])),
    faults: items.flatMap((item) => ('fault' in item ? [item.fault] : [])),
    notes: items.flatMap((item) => ('note' in item ? [item.note] : [])),
  };
}

function values(text: string): Record<string, unknown>[] {
  return parse(text).records.map((record) => JSON.parse(record.json));
}
