import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../bench/main.ts', import.meta.url));
const PACKAGES = new URL('../../bench/peers/node_modules/', import.meta.url);
const COMMANDS = ['suites', 'peers', 'clients', 'pauses', 'profile', 'links', 'topologies'];

test('help and lists need no program and no package, and install nothing', async () => {
  const before = existsSync(PACKAGES);
  const asked = [...COMMANDS.map((each) => [each, '--help']), ['suites', '--list'], ['peers', '--list']];
  for (const args of asked) {
    // Nothing is on this PATH: neither a server, nor what would install one.
    const { code, stdout } = await run(args, { PATH: '/nowhere' });
    assert.equal(code, 0, args.join(' '));
    assert.ok(stdout.length > 50, args.join(' '));
  }
  assert.equal(existsSync(PACKAGES), before);
});

test('an invalid command line, and a record of a partial run, exit with code 2 and the reason', async () => {
  const wrong: [RegExp, ...string[]][] = [
    [/named no-such-server/, 'peers', '--only', 'no-such-server'],
    [/named no-such-row/, 'profile', 'no-such-row'],
    [/no suite matches nothing/, 'suites', 'nothing'],
    [/--rounds/, 'peers', '--rounds', '1.5'],
    [/unknown option '--no-such-flag'/, 'pauses', '--no-such-flag'],
    [/needs all rows/, 'peers', '--only', 'put', '--record'],
    [/needs all rows/, 'profile', 'put', '--record'],
    [/--seconds/, 'clients', '--seconds', '0'],
    [/needs all suites/, 'suites', 'memory', '--record'],
    [/needs a million entries/, 'pauses', '--entries', '3000', '--record'],
  ];
  for (const [why, ...args] of wrong) {
    const { code, stderr } = await run(args);
    assert.equal(code, 2, args.join(' '));
    assert.match(stderr, why);
  }
});

function run(args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
  return new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, [MAIN, ...args], { env }, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, stdout, stderr }),
    );
  });
}
