import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import packageJson from '../../package.json' with { type: 'json' };
import { installedPath } from '../../src/uws/installed.ts';
import { ADDON_PACKAGES } from '../../src/uws/packages.ts';
import { rowsOf, sectionOf } from '../docs/markdown.ts';

test('the packages are those of package.json, newest first', () => {
  const versions: Readonly<Record<string, string>> = {
    ...packageJson.dependencies,
    ...packageJson.optionalDependencies,
  };
  const installed = ADDON_PACKAGES.map(({ installedAs }) => {
    const version = versions[installedAs]!;
    return version.startsWith('npm:') ? version.slice('npm:'.length) : `${installedAs}@${version}`;
  });
  assert.deepEqual(
    ADDON_PACKAGES.map((each) => each.package),
    installed,
  );
});

test('docs/security.md has the SHA-256 of every addon for Linux', () => {
  const page = readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8');
  const rows = rowsOf(sectionOf(page, 'The addon of uWebSockets.js')).map((row) =>
    row.map((cell) => cell.replaceAll('`', '')),
  );
  const documented = rows.map(([name, , x64, arm64]) => [name, x64, arm64]);
  const { modules } = process.versions;
  const actual = ADDON_PACKAGES.map((each) => {
    const sums = ['x64', 'arm64'].map((arch) => {
      const path = new URL(`uws_linux_${arch}_${modules}.node`, `file://${installedPath(each)}`);
      assert.ok(existsSync(path), `${path}`);
      return createHash('sha256').update(readFileSync(path)).digest('hex');
    });
    return [each.package, ...sums];
  });
  assert.deepEqual(documented, actual);
});
