import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { PATIENT } from '../../loadtest/target/replicas.ts';
import { runMain } from '../../loadtest/target/run-main.ts';
import { startService } from '../../loadtest/target/service.ts';
import { installedPath } from '../../src/uws/installed.ts';
import { ADDON_PACKAGES, type Addon, type AddonPackage, CannotRunHere } from '../../src/uws/packages.ts';
import { newest } from '../../src/uws/select.ts';
import { selectAddon } from '../../src/uws.ts';
import { healthOf } from '../cli/health.ts';
import { byNewerAddon } from '../support/newer-addon.ts';

const [NEWER, OLDER] = ADDON_PACKAGES as [AddonPackage, AddonPackage];
const SELECTED = selectAddon();
const LOADED = { addon: {} as Addon, sha256: 'ab'.repeat(32) };

const loads = () => LOADED;
const lacksGlibc = (from: AddonPackage) => {
  if (from === NEWER) throw new CannotRunHere('it needs glibc 2.38');
  return LOADED;
};

test('where every package runs, the newest is loaded without a warning', () => {
  const { addon, report, warning } = newest(ADDON_PACKAGES, loads);
  assert.equal(addon, LOADED.addon);
  assert.deepEqual(report, { version: NEWER.version, package: NEWER.package, sha256: LOADED.sha256 });
  assert.equal(warning, undefined);
});

test('where the newest does not run, the older is loaded, and the warning has its faults, the reason and a remedy', () => {
  const { report, warning } = newest(ADDON_PACKAGES, lacksGlibc);
  assert.equal(report.package, OLDER.package);
  assert.match(warning!, /505.*without an answer.*two Host lines/);
  assert.match(warning!, /@btc-vision\/uwebsockets\.js@20\.57\.0 was not loaded: it needs glibc 2\.38/);
  assert.match(warning!, /glibc 2\.38 or newer, or set UWS_ADDON; see docs\/security\.md/);
});

test('where no package runs, the error has the reason of each', () => {
  const fails = ({ asset }: AddonPackage) => {
    throw new CannotRunHere(`no ${asset}`);
  };
  assert.throws(() => newest(ADDON_PACKAGES, fails), {
    message: new RegExp(`no ${NEWER.asset}.*no ${OLDER.asset}`),
  });
});

test('a failure that the machine does not explain is not hidden by the older addon', () => {
  const fails = () => {
    throw new Error('no directory can be used');
  };
  assert.throws(() => newest(ADDON_PACKAGES, fails), { message: 'no directory can be used' });
});

test('the log line of the start and /health have version, package and SHA-256 of the loaded addon', async (t) => {
  const service = await startService({ standalone: true, env: PATIENT });
  t.after(() => service.stop());
  const { addon } = await healthOf(service);
  assert.deepEqual(addon, SELECTED.report);
  const from = ADDON_PACKAGES.find((each) => each.package === addon.package)!;
  assert.equal(addon.sha256, sha256Of(installedPath(from)));
  const started = await service.waitForLog(({ msg }) => msg === 'starting');
  assert.deepEqual(started.addon, addon);
  const warnings = service.logs.filter(({ level }) => level === 'warn').map(({ msg }) => msg);
  assert.deepEqual(warnings, SELECTED.warning === undefined ? [] : [SELECTED.warning]);
});

test('UWS_ADDON names the addon that is loaded, by variable and by flag', async (t) => {
  const file = copyOfSelected(t);
  const report = { version: 'unknown', package: 'UWS_ADDON', sha256: sha256Of(file) };
  for (const options of [
    { env: { ...PATIENT, UWS_ADDON: file } },
    { env: PATIENT, args: ['--uws-addon', file] },
  ]) {
    const service = await startService({ standalone: true, ...options });
    t.after(() => service.stop());
    assert.deepEqual((await healthOf(service)).addon, report);
    assert.deepEqual(
      service.logs.filter(({ level }) => level === 'warn'),
      [],
    );
  }
});

test('a file of UWS_ADDON that does not load is a fault of the configuration, and no other addon replaces it', async () => {
  for (const [file, reason] of [
    ['/nowhere/uws.node', /ENOENT/],
    [import.meta.filename, /invalid ELF header|not a mach-o/i],
  ] as const) {
    const { code, stderr } = await runMain(['serve', '--standalone', '--port', '0'], { UWS_ADDON: file });
    assert.equal(code, 78);
    assert.match(stderr, reason);
    assert.match(stderr, /UWS_ADDON: .* Set it to uws_\w+\.node from a release/);
  }
});

test('serve --check refuses a file of UWS_ADDON that does not load, as serve does, also from ENV_FILE', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ratecache-addon-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const envFile = join(folder, 'ratecache.env');
  writeFileSync(envFile, 'UWS_ADDON=/nowhere/uws.node\n');
  for (const env of [{ UWS_ADDON: '/nowhere/uws.node' }, { ENV_FILE: envFile }]) {
    const { code, stdout, stderr } = await runMain(['serve', '--check', '--standalone', '--port', '0'], env);
    assert.deepEqual([code, stdout], [78, '']);
    assert.match(stderr, /UWS_ADDON: \/nowhere\/uws\.node cannot be loaded: ENOENT/);
  }
});

byNewerAddon('the start has no warning', () => {
  assert.equal(SELECTED.report.package, NEWER.package);
  assert.equal(SELECTED.warning, undefined);
});

function copyOfSelected(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'ratecache-test-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const from = ADDON_PACKAGES.find((each) => each.package === SELECTED.report.package)!;
  const file = join(dir, 'uws.node');
  copyFileSync(installedPath(from), file);
  return file;
}

function sha256Of(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
