import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { KnownStrings } from '../../../src/cache/value/known-strings.ts';
import { decodeUtf8 } from '../../../src/cache/value/msgpack-read.ts';

test('any bytes give the text that they are, or none, whatever was read before', () => {
  // Few letters and few slots, so that many meet in one.
  const bytes = fc.uint8Array({ maxLength: 40, max: 255 });
  const texts = fc
    .string({ unit: fc.constantFrom('a', 'b', 'é'), maxLength: 12 })
    .map((text) => Buffer.from(text));
  fc.assert(
    fc.property(fc.array(fc.oneof(bytes, texts), { maxLength: 50 }), (read) => {
      const known = new KnownStrings(4);
      for (const each of [...read, ...read]) {
        const among = Buffer.concat([Buffer.from('<'), each, Buffer.from('>')]);
        assert.equal(known.read(among, 1, among.length - 1), decodeUtf8(each, 0, each.length));
      }
    }),
  );
});
