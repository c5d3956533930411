import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

// A network that drops packets, without a reset or an end of the connection. The tests run in network namespaces that
// exist only during this test, so nothing else on the machine is affected.

const INSIDE = fileURLToPath(new URL('./network-inside.ts', import.meta.url));
const LEAVE = fileURLToPath(new URL('../support/leave.ts', import.meta.url));
const TIMEOUT_MS = 170_000;

test('a service that loses the network to Redis serves from L1, and recovers', {
  skip: cannotMakeNamespaces(),
}, async (t) => {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const command = ['--net', process.execPath, '--import', LEAVE, '--test-reporter=spec', INSIDE];
  const { stdout } = await promisify(execFile)('unshare', command, {
    env,
    timeout: TIMEOUT_MS,
    maxBuffer: 2 ** 24,
  }).catch((error: Error & { stdout?: string; stderr?: string }) => {
    throw new Error(`${error.message}\n${error.stdout}\n${error.stderr}`);
  });
  t.diagnostic(stdout);
  assert.match(stdout, /pass 2\n/);
});

/** Returns why the test cannot run here, or false. */
function cannotMakeNamespaces(): string | false {
  if (process.getuid?.() !== 0) return 'NOT RUN: run the test as root, because it makes network namespaces';
  try {
    execFileSync('unshare', ['--net', 'ip', 'link', 'set', 'lo', 'up'], { stdio: 'ignore' });
    execFileSync('nsenter', ['--version'], { stdio: 'ignore' });
    return false;
  } catch (error) {
    return `NOT RUN: network namespaces need iproute2, util-linux and the right to use them (${(error as Error).message})`;
  }
}
