import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { licenseFaults } from '../../scripts/licenses-allowed.ts';

test('every package that ships has an allowed license', () => {
  const lock = JSON.parse(readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8'));
  assert.deepEqual(licenseFaults(lock), []);
});

test('a license that is not allowed is reported, except of a package that does not ship', () => {
  const faults = licenseFaults({
    packages: {
      '': {},
      'node_modules/free': { license: '(MIT AND Zlib)' },
      'node_modules/choice': { license: 'GPL-3.0-only OR MIT' },
      'node_modules/tool': { license: 'GPL-3.0-only', dev: true },
      'node_modules/strict': { license: 'GPL-3.0-only' },
      'node_modules/both': { license: '(MIT AND GPL-3.0-only)' },
      'node_modules/a/node_modules/@b/unknown': {},
    },
  });
  assert.deepEqual(faults, [
    'strict: GPL-3.0-only',
    'both: (MIT AND GPL-3.0-only)',
    '@b/unknown: no license',
  ]);
});
