import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { atOnce } from '../../src/cache/turns.ts';
import { Malformed } from '../../src/codec/errors.ts';
import { checkJson } from '../../src/codec/json-check.ts';

function accepts(bytes: Buffer): boolean {
  try {
    atOnce(checkJson(bytes));
    return true;
  } catch (error) {
    assert.ok(error instanceof Malformed, String(error));
    return false;
  }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function parses(bytes: Buffer): boolean {
  try {
    JSON.parse(UTF8.decode(bytes));
    return true;
  } catch {
    return false;
  }
}

test('the check accepts every JSON text', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(undefined, 1, '\t', '\r\n'), (value, space) => {
      assert.ok(accepts(Buffer.from(JSON.stringify(value, undefined, space))));
    }),
  );
});

test('the check accepts exactly the texts that JSON.parse accepts', () => {
  const token = fc.constantFrom(
    ...[
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '"a"',
      '"\\n"',
      '"\\u00e9"',
      '"\\u00g9"',
      '"\\x"',
      '\\',
      ' ',
      '\n',
      '\u00a0',
    ],
    ...[
      '0',
      '1',
      '01',
      '-',
      '-0',
      '1.',
      '.5',
      '1.5',
      'e',
      'E+1',
      '1e5',
      '1e',
      '1e+',
      'true',
      'tru',
      'null',
      'nulll',
      'false',
    ],
    ...['NaN', 'Infinity', '\t', '"\t"', '\u2028', '"\u2028"', '\ufeff', '/**/', "'a'", 'é', '"é"'],
  );
  const structured = fc.array(token, { maxLength: 9 }).map((tokens) => tokens.join(''));
  fc.assert(
    fc.property(structured, (text) => {
      const bytes = Buffer.from(text);
      assert.equal(accepts(bytes), parses(bytes), JSON.stringify(text));
    }),
    { numRuns: 20_000 },
  );
});

test('the check accepts exactly the damaged texts that JSON.parse accepts', () => {
  const damaged = fc
    .tuple(fc.jsonValue(), fc.nat(), fc.integer({ min: 0, max: 255 }))
    .map(([value, at, byte]) => {
      const bytes = Buffer.from(JSON.stringify(value));
      bytes[at % bytes.length] = byte;
      return bytes;
    });
  fc.assert(
    fc.property(damaged, (bytes) => assert.equal(accepts(bytes), parses(bytes), bytes.toString('latin1'))),
    { numRuns: 5_000 },
  );
});

test('the check of a long text yields at least once in each 512 KiB', () => {
  for (const text of [`[${'1,'.repeat(1 << 20)}1]`, `${'['.repeat(1 << 20)}${']'.repeat(1 << 20)}`]) {
    const steps = [...checkJson(Buffer.from(text))].length;
    assert.ok(steps >= 4, `${steps} steps`);
  }
});

test('four million levels of arrays are checked within a second of CPU time', () => {
  const deep = Buffer.from('['.repeat(4_000_000) + ']'.repeat(4_000_000));
  const before = process.cpuUsage();
  assert.ok(accepts(deep));
  assert.ok(!accepts(deep.subarray(1)));
  assert.ok(process.cpuUsage(before).user < 1_000_000, `${process.cpuUsage(before).user} µs`);
});
