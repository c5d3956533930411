import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { runMain } from '../../loadtest/target/run-main.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { selectAddon } from '../../src/uws.ts';

// The binary has its commit from the build, and has the licenses.
delete process.env.RATECACHE_BINARY;

test('--version prints the version, the commit, Node and uWebSockets.js', async () => {
  const { code, stdout } = await runMain(['--version']);
  assert.equal(code, 0);
  const [version, commit, node, websockets] = stdout.split('\n');
  assert.equal(version, `ratecache ${packageJson.version}`);
  const [, hash] = /^commit ([0-9a-f]{40})(-dirty)?$/.exec(commit!)!;
  assert.equal(execFileSync('git', ['cat-file', '-t', hash!], { encoding: 'utf8' }), 'commit\n');
  assert.equal(node, `Node ${process.versions.node}`);
  const { report } = selectAddon();
  assert.equal(websockets, `uWebSockets.js ${report.version} (${report.package}) sha256 ${report.sha256}`);
  assert.equal((await runMain(['-V'])).stdout, stdout);
});

test('--version works when the addon does not load, and says why', async () => {
  const { code, stdout } = await runMain(['--version'], { UWS_ADDON: '/nowhere/uws.node' });
  assert.equal(code, 0);
  assert.match(
    stdout,
    /^uWebSockets\.js not loaded: UWS_ADDON: \/nowhere\/uws\.node cannot be loaded: ENOENT/m,
  );
});

test('without git the commit is unknown', async () => {
  const { code, stdout } = await runMain(['--version'], { GIT_DIR: '/nowhere' });
  assert.equal(code, 0);
  assert.match(stdout, /^commit unknown$/m);
});

test('licenses prints where the licenses are when run from the sources', async () => {
  const { code, stdout, stderr } = await runMain(['licenses']);
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(stderr, /make build.*node_modules/);
});
