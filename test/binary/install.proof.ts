import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { EXIT_CANNOT_UNPACK } from '../../src/binary/private-file.ts';
import { EXIT_USAGE } from '../../src/cli/exits.ts';
import { EXIT_CONFIG } from '../../src/config/config.ts';

const UNIT = fileURLToPath(new URL('../../deploy/systemd/ratecache.service', import.meta.url));
const BINARY = fileURLToPath(new URL('../../dist/ratecache', import.meta.url));
/** Of 100, where 0 is a service that may do nothing. */
const MOST_EXPOSED = '20';

test('the published checksums match the files', async () => {
  const dist = fileURLToPath(new URL('../../dist', import.meta.url));
  const { stdout } = await promisify(execFile)('sha256sum', ['--check', 'SHA256SUMS'], { cwd: dist });
  assert.equal(stdout, 'ratecache: OK\nratecache.cdx.json: OK\n');
});

test('systemd-analyze accepts the unit', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'ratecache-unit-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const unit = join(dir, 'ratecache.service');
  // It wants the binary to be where the unit says.
  writeFileSync(unit, readFileSync(UNIT, 'utf8').replaceAll('/usr/local/bin/ratecache', BINARY));
  const { stdout, stderr } = await promisify(execFile)('systemd-analyze', ['verify', '--man=no', unit]);
  assert.deepEqual([stdout, stderr], ['', '']);
});

test('the unit leaves the service few rights', async () => {
  const args = ['security', '--offline=true', '--no-pager', `--threshold=${MOST_EXPOSED}`, UNIT];
  await promisify(execFile)('systemd-analyze', args);
});

test('systemd does not restart the service after an exit code that a restart cannot fix', () => {
  const [, codes] = /^RestartPreventExitStatus=(.*)$/m.exec(readFileSync(UNIT, 'utf8'))!;
  assert.deepEqual(codes!.split(' ').map(Number), [EXIT_USAGE, EXIT_CANNOT_UNPACK, EXIT_CONFIG]);
});

test('systemd does not stop the other processes when the kernel kills one for its memory', () => {
  assert.match(readFileSync(UNIT, 'utf8'), /^OOMPolicy=continue$/m);
});
