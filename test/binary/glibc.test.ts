import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { lacksGlibc } from '../../src/binary/glibc.ts';
import { installedPath } from '../../src/uws/installed.ts';
import { ADDON_PACKAGES } from '../../src/uws/packages.ts';
import { selectAddon } from '../../src/uws.ts';

test('the C library of this process has an old version of glibc, and no version that does not exist', () => {
  assert.equal(lacksGlibc('2.17'), false);
  assert.equal(lacksGlibc('99.9'), true);
});

test('an addon names the newest version of glibc that its file needs', () => {
  for (const each of ADDON_PACKAGES) {
    if (each.glibc === undefined) continue;
    const file = readFileSync(installedPath(each), 'latin1');
    const minors = Array.from(file.matchAll(/GLIBC_2\.(\d+)\0/g), ([, minor]) => Number(minor));
    assert.equal(each.glibc, `2.${Math.max(...minors)}`);
  }
});

test('the loader refuses the addon of a package exactly where its glibc is missing', () => {
  const [newest] = ADDON_PACKAGES;
  assert.equal(selectAddon().report.package === newest!.package, !lacksGlibc(newest!.glibc!));
});
