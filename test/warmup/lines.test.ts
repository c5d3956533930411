import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Line, LineSplitter } from '../../src/warmup/lines.ts';

test('lines end in \\n or \\r\\n, and the last one needs no end', () => {
  assert.deepEqual(texts(['a\r\nb\n\nc']), ['a', 'b', '', 'c']);
  assert.deepEqual(texts(['a\n']), ['a']);
  assert.deepEqual(texts(['']), []);
});

test('a byte order mark at the start is dropped, and only there', () => {
  assert.deepEqual(texts(['\ufeffa\n\ufeffb']), ['a', '\ufeffb']);
});

test('the lines are the same for any chunk boundaries', () => {
  const unit = fc.constantFrom('a', 'é', '😀', '\n', '\r\n', '\r', '|', '\ufeff');
  fc.assert(
    fc.property(fc.array(unit, { maxLength: 40 }), fc.integer({ min: 1, max: 7 }), (units, size) => {
      const bytes = Buffer.from(units.join(''));
      const chunks: Buffer[] = [];
      for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
      assert.deepEqual(split(chunks), split([bytes]));
    }),
  );
});

test('a line over the limit is a problem of that line only', () => {
  for (const size of [1, 3, 100]) {
    const text = ['12345678', '123456789', '1234567890123', '12345678\r', 'end'].join('\n');
    const bytes = Buffer.from(text);
    const chunks: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
    const problem = 'the line is longer than 8 bytes';
    assert.deepEqual(split(chunks, 8), [
      { number: 1, text: '12345678' },
      { number: 2, problem },
      { number: 3, problem },
      { number: 4, text: '12345678' },
      { number: 5, text: 'end' },
    ]);
  }
});

test('an overlong last line is reported though it never ends', () => {
  assert.deepEqual(split([Buffer.from('x'.repeat(50))], 8), [
    { number: 1, problem: 'the line is longer than 8 bytes' },
  ]);
});

test('a line that is not UTF-8 is marked and read as Latin-1', () => {
  const lines = split([Buffer.from([0x61, 0x0a, 0xe9, 0x0a, 0x62])]);
  assert.deepEqual(lines, [
    { number: 1, text: 'a' },
    { number: 2, text: 'é', latin1: true },
    { number: 3, text: 'b' },
  ]);
});

function split(chunks: Buffer[], maxBytes?: number): Line[] {
  const splitter = new LineSplitter(maxBytes);
  return [...chunks.flatMap((chunk) => [...splitter.push(chunk)]), ...splitter.end()];
}

function texts(chunks: string[]): string[] {
  return split(chunks.map((chunk) => Buffer.from(chunk))).map((line) =>
    'text' in line ? line.text : line.problem,
  );
}
