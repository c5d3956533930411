import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { runMain } from '../../loadtest/target/run-main.ts';
import { SUBCOMMANDS } from '../../src/cli/commands/index.ts';
import { flagOf, VARIABLE_NAMES } from '../../src/config/config.ts';

const VISIBLE = SUBCOMMANDS.filter(({ group }) => group !== undefined);

test('--help lists every subcommand with its purpose, except internal ones', async () => {
  const { code, stdout } = await runMain(['--help']);
  assert.equal(code, 0);
  // Lines are broken to fit.
  const text = stdout.replace(/\s+/g, ' ');
  for (const { name, summary } of VISIBLE) assert.ok(text.includes(` ${name} ${summary}`), name);
  for (const { name, group } of SUBCOMMANDS)
    if (group === undefined) assert.doesNotMatch(stdout, new RegExp(`^  ${name}\\b`, 'm'));
  assert.equal((await runMain(['help'])).stdout, stdout);
});

test('the help of each subcommand lists its exit codes, and its flags their defaults', async () => {
  await Promise.all(
    VISIBLE.map(async ({ name, exits }) => {
      const [asked, helped] = await Promise.all([runMain([name, '--help']), runMain(['help', name])]);
      assert.equal(asked.code, 0);
      assert.equal(asked.stdout, helped.stdout);
      const codes = asked.stdout.split('Exit codes:\n')[1]!;
      for (const [code, meaning] of Object.entries({ ...exits, 64: 'the command line is invalid' }))
        assert.ok(codes.includes(`${code}  ${meaning}\n`), `${name}: ${code}`);
    }),
  );
  const { stdout: check } = await runMain(['check', '--help']);
  assert.match(check, /--timeout <ms> .*in milliseconds \(default\s+2000\)/);
  const { stdout: serve } = await runMain(['serve', '--help']);
  for (const name of VARIABLE_NAMES) assert.match(serve, new RegExp(`^  ${flagOf(name)} `, 'm'));
  assert.match(serve, /--shutdown-grace-ms <n> .*\(ms; default 500\)/);
  assert.match(serve, /^TTL by type:$/m);
});

test('an unknown subcommand or flag is reported with the nearest name, and exits 64', async () => {
  const mistakes = [
    [['sreve'], 'serve'],
    [['help', 'chek'], 'check'],
    [['serve', '--redis-hots', 'x'], '--redis-host'],
    [['stats', '--jsn'], '--json'],
    [['load', '--second', '5'], '--seconds'],
  ] as const;
  await Promise.all(
    mistakes.map(async ([args, meant]) => {
      const { code, stdout, stderr } = await runMain(args);
      assert.deepEqual([code, stdout], [64, ''], args.join(' '));
      assert.match(stderr, new RegExp(`Did you mean ${meant}\\?`));
    }),
  );
  const { code, stderr } = await runMain([]);
  assert.equal(code, 64);
  assert.match(stderr, /^Usage: ratecache/);
});

test('docs/cli.md has every subcommand with its flags and exit codes', async () => {
  const script = new URL('../../scripts/cli-reference.ts', import.meta.url).pathname;
  await promisify(execFile)(process.execPath, [script, '--check']);
});
