import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { recentString } from '../../src/codec/recent-strings.ts';

test('the text is that of the bytes, the first time and every other, whatever came between', () => {
  const text = fc.string({ unit: 'binary-ascii', maxLength: 64 });
  fc.assert(
    fc.property(fc.array(text, { minLength: 1, maxLength: 20 }), fc.nat(9), (texts, at) => {
      for (const each of [...texts, ...texts]) {
        const bytes = Buffer.concat([
          Buffer.alloc(at, 0xff),
          Buffer.from(each, 'latin1'),
          Buffer.alloc(3, 0xff),
        ]);
        assert.equal(recentString(bytes, at, at + each.length), each);
      }
    }),
  );
});

test('more keys than the table has slots are all found', () => {
  for (let i = 0; i < 100_000; i++) {
    const key = `borrow_rate:${i % 50_000}`;
    assert.equal(recentString(Buffer.from(key), 0, key.length), key);
  }
});

test('bytes beyond ASCII and long texts are left to the decoder', () => {
  for (const text of ['é', `borrow_rate:${'x'.repeat(52)}é`, 'x'.repeat(65)]) {
    const bytes = Buffer.from(text);
    assert.equal(recentString(bytes, 0, bytes.length), undefined);
  }
});
