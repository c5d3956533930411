import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { ibkrFile } from '../../loadtest/traffic/ibkr-file.ts';
import type { Item } from '../../src/warmup/record.ts';
import { type Format, openSource } from '../../src/warmup/source.ts';

const EXCERPT = fileURLToPath(new URL('../data/ibkr-usa-2017-09-27.txt', import.meta.url));

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ratecache-warmup-'));
});
after(() => rm(folder, { recursive: true }));

test('the broker file is recognised and read', async () => {
  const items = await readAll(EXCERPT);
  assert.equal(keys(items).length, 22);
  assert.deepEqual(items.slice(22), [
    { note: '#EOF states 13425 rows, but the file has 22' },
    { incomplete: '#EOF states 13425 rows, but the file has 22' },
  ]);
});

test('a file with Windows line ends, a byte order mark and leading blank lines reads the same', async () => {
  const text = ibkrFile(200);
  const plain = await readAll(await file(text));
  const windows = await readAll(await file(`\ufeff${ibkrFile(200).replaceAll('\n', '\r\n')}`));
  const shifted = await readAll(await file(`\n\n${text}`));
  assert.deepEqual(windows, plain);
  assert.deepEqual(keys(shifted), keys(plain));
});

test('NDJSON is recognised and read', async () => {
  const items = await readAll(await file('\n{"key":"a","value":1}\n{"key":"b","value":[2]}\n'));
  assert.deepEqual(items, [
    { record: { key: 'a', json: '1' }, line: 2 },
    { record: { key: 'b', json: '[2]' }, line: 3 },
  ]);
});

test('a gzip file is recognised by its first bytes, whatever its name', async () => {
  const text = ibkrFile(5000);
  const path = await file(gzipSync(text));
  const source = await openSource(path);
  const items: Item[] = [];
  for await (const item of source) items.push(item);
  assert.deepEqual(items, await readAll(await file(text)));
  assert.ok(source.size > 0 && source.size < text.length);
  assert.equal(source.consumed(), source.size);
});

test('a truncated gzip file yields its complete lines, then a clear error', async () => {
  const whole = gzipSync(ibkrFile(5000));
  const path = await file(whole.subarray(0, whole.length - 100));
  let count = 0;
  await assert.rejects(
    async () => {
      for await (const _ of await openSource(path)) count++;
    },
    { message: `cannot read ${path}: the gzip data ends too early` },
  );
  assert.ok(count > 1000, `${count} items`);
});

test('damaged gzip data is a clear error', async () => {
  const path = await file(Buffer.from([0x1f, 0x8b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
  await assert.rejects(readAll(path), { message: `cannot read ${path}: the gzip data is damaged` });
});

test('a file that does not exist and a folder are refused at once, with the reason', async () => {
  const nowhere = join(folder, 'nowhere');
  await assert.rejects(openSource(nowhere), { message: `cannot read ${nowhere}: the file does not exist` });
  await assert.rejects(openSource(folder), { message: `cannot read ${folder}: it is a directory` });
});

test('an unknown format is one fatal fault, not one fault per line', async () => {
  const items = await readAll(await file('\nkey,value\na,1\nb,2\n'));
  assert.equal(items.length, 1);
  const [item] = items;
  assert.ok(item !== undefined && 'fault' in item);
  assert.equal(item.fault.line, 2);
  assert.equal(item.fault.fatal, true);
  assert.match(item.fault.reason, /^unknown format/);
});

test('nothing is read after a fatal fault', async () => {
  const items = await readAll(await file('#SYM|CUR|\nA|USD|\nB|USD|\n#EOF|2\n'));
  assert.equal(items.length, 1);
});

test('a requested format is not detected again', async () => {
  const items = await readAll(await file('#BOF|x\n'), 'ndjson');
  assert.deepEqual(items, [{ fault: { line: 1, reason: 'the line is not JSON: "#BOF|x"' } }]);
});

test('an empty file, a one-byte file and a file of blank lines are no errors', async () => {
  for (const text of ['', '\n', '\n \n\n']) {
    assert.deepEqual(await readAll(await file(text)), [{ note: 'the file is empty' }]);
  }
});

test('a line over 8 MiB is a fault and the rest is read', async () => {
  const long = `{"key":"long","value":"${'x'.repeat(8 * 1024 * 1024)}"}`;
  const items = await readAll(await file(`{"key":"a","value":1}\n${long}\n{"key":"b","value":2}\n`));
  assert.deepEqual(keys(items), ['a', 'b']);
  assert.deepEqual(items[1], { fault: { line: 2, reason: 'the line is longer than 8388608 bytes' } });
});

test('a line that is not UTF-8 is a fault and the rest is read', async () => {
  const bytes = Buffer.concat([
    Buffer.from('{"key":"a","value":1}\n{"key":"'),
    Buffer.from([0xe9]),
    Buffer.from('","value":1}\n{"key":"b","value":2}\n'),
  ]);
  const items = await readAll(await file(bytes));
  assert.deepEqual(keys(items), ['a', 'b']);
  assert.deepEqual(items[1], { fault: { line: 2, reason: 'the line is not UTF-8 text' } });
});

test('a sheet in Latin-1 is read, and a sheet in UTF-8 too', async () => {
  const text =
    '#BOF|2017.09.27|06:30:03\n#SYM|NAME|FEERATE|REBATERATE|AVAILABLE|\nA|SOCIÉTÉ MÜLLER|1|1|1|\n#EOF|1\n';
  for (const encoding of ['latin1', 'utf8'] as const) {
    const items = await readAll(await file(Buffer.from(text, encoding)));
    assert.deepEqual(
      items.map((item) => 'record' in item && JSON.parse(item.record.json).name),
      ['SOCIÉTÉ MÜLLER'],
      encoding,
    );
  }
});

test('the options of a sheet reach its parser', async () => {
  const path = await file(
    '#BOF|2017.09.27|06:30:03\n#SYM|CUR|FEERATE|REBATERATE|AVAILABLE|\nA|EUR|1|1|1|\n#EOF|1\n',
  );
  const items: Item[] = [];
  for await (const item of await openSource(path, 'auto', { currency: 'EUR', maxAgeMs: 1000 }))
    items.push(item);
  assert.ok(items[0] !== undefined && 'fault' in items[0] && items[0].fault.fatal);
});

test('the file is read on demand, not all at once', async () => {
  const path = await file('{"key":"a","value":1}\n'.repeat(200_000));
  const source = await openSource(path);
  for await (const _ of source) break;
  assert.ok(source.consumed() < source.size / 4, `${source.consumed()} of ${source.size}`);
});

let files = 0;
async function file(content: string | Buffer): Promise<string> {
  const path = join(folder, `${++files}.data`);
  await writeFile(path, content);
  return path;
}

async function readAll(path: string, format?: Format): Promise<Item[]> {
  const items: Item[] = [];
  for await (const item of await openSource(path, format)) items.push(item);
  return items;
}

function keys(items: Item[]): string[] {
  return items.flatMap((item) => ('record' in item ? [item.record.key] : []));
}
