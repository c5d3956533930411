import assert from 'node:assert/strict';
import { globOf, matcher } from '../../../src/cache/match.ts';
import { isVersion } from '../../../src/cache/version.ts';
import { parseAnnouncement } from '../../../src/redis/announcement.ts';
import { announcement as input } from '../grammar/announcements.ts';
import { type DecoderKind, shown } from '../kind.ts';

const KEYS = ['borrow_rate:A', 'volatility:A', 'a', '', 'clé:é', 'a'.repeat(500)];

/** Messages of the invalidation channel. A message is refused as a whole, or everything in it is usable. */
export const announcement: DecoderKind = {
  name: 'announcement',
  decodes: true,
  show: (source) => shown(input(source)),
  check(source) {
    const parsed = parseAnnouncement(input(source).toString(), 512);
    if (parsed === undefined) return;
    const { keys, versions = [], version, matches, reason, deletion } = parsed;
    assert.ok(keys.every((key) => typeof key === 'string'));
    assert.ok([...versions, ...(version === undefined ? [] : [version])].every(isVersion));
    assert.ok(['set', 'delete', 'flush', 'remote'].includes(reason));
    assert.ok(version !== undefined || deletion === 'done');
    for (const match of matches) {
      assert.equal(typeof globOf(match), 'string');
      const matches = matcher(match);
      for (const key of KEYS) assert.equal(typeof matches(key), 'boolean');
    }
  },
};
