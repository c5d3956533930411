import assert from 'node:assert/strict';
import type { Entry } from '../../../src/cache/entry.ts';
import { isVersion } from '../../../src/cache/version.ts';
import { NotConvertible } from '../../../src/codec/errors.ts';
import { foreignVersion, isLegacy, unpack, unpackLegacy } from '../../../src/redis/envelope.ts';
import { ENVELOPE_LIMITS, storedValue } from '../grammar/envelopes.ts';
import { type DecoderKind, shown } from '../kind.ts';
import { allow } from './allow.ts';

const NOW = Date.UTC(2026, 10, 28);

/** Values in Redis, valid and damaged. What is not a value must be refused without an exception. */
export const envelope: DecoderKind = {
  name: 'envelope',
  decodes: true,
  show: (source) => shown(storedValue(source)),
  check(source) {
    const stored = storedValue(source);
    const before = Buffer.from(stored);
    const entry = unpack('borrow_rate:A', stored, ENVELOPE_LIMITS);
    assert.deepEqual(stored, before);
    if (entry !== undefined) checkEntry(entry);
    assert.ok(isVersion(foreignVersion(stored)));
    if (!isLegacy(stored)) return;
    for (const ttl of [undefined, 1000]) {
      const old = unpackLegacy('borrow_rate:A', stored, ttl, 300_000, NOW);
      if (old === undefined) continue;
      checkEntry(old);
      JSON.parse(old.json.toString());
      assert.ok(old.storedAt >= 0 && old.storedAt <= NOW);
      assert.ok(old.expiresAt <= NOW + 300_000);
    }
  },
};

function checkEntry(entry: Entry): void {
  assert.ok(isVersion(entry.version));
  assert.ok(Number.isSafeInteger(entry.storedAt) && Number.isSafeInteger(entry.expiresAt));
  // Only a program that writes a matching checksum can store a value that is not well formed.
  allow([NotConvertible], () => entry.json);
  allow([NotConvertible], () => entry.packed);
}
