import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { PROFILES } from '../../loadtest/profiles/index.ts';
import type { RunResult } from '../../loadtest/result.ts';
import { runMain } from '../../loadtest/target/run-main.ts';

test('without a name, load lists every profile with its question', async () => {
  const { code, stdout } = await load();
  assert.equal(code, 0);
  for (const { name, question } of PROFILES)
    assert.match(stdout, new RegExp(`^${name} +${question.replace('?', '\\?')}$`, 'm'));
});

test('an unknown profile or an invalid number is a command line error: exit code 64', async () => {
  const runs = await Promise.all([load('no-such-profile'), load('smoke', '--rate', 'fast')]);
  assert.deepEqual(
    runs.map(({ code }) => code),
    [64, 64],
  );
});

test('without a redis-server on the PATH the harness exits with code 2 and names it', async (t) => {
  const empty = await mkdtemp(join(tmpdir(), 'ratecache-load-test-'));
  t.after(() => rm(empty, { recursive: true, force: true }));
  const { code, stderr } = await runMain(['load', 'smoke', '--out', empty], { PATH: empty });
  assert.equal(code, 2);
  assert.match(stderr, /redis-server and redis-cli not found on the PATH/);
});

test('a failed gate is exit code 1, and the result is written nevertheless', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'ratecache-load-test-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const json = join(dir, 'all.json');
  // 150 requests are too few: the gate on samples fails.
  const { code, stdout } = await load(
    'smoke',
    '--seconds',
    '0.3',
    '--rate',
    '500',
    '--out',
    dir,
    '--json',
    json,
  );
  assert.equal(code, 1, stdout);
  assert.match(stdout, /samples .*fail/);
  const one: RunResult = JSON.parse(await readFile(join(dir, 'smoke.json'), 'utf8'));
  assert.deepEqual([one.profile, one.requests.sent, one.verdict], ['smoke', 150, 'fail']);
  assert.deepEqual(JSON.parse(await readFile(json, 'utf8')), [one]);
});

// In a clean environment, without the variables of a CI job, so that nothing is added to its summary.
async function load(...args: string[]): Promise<{ code: number | null; stdout: string }> {
  const { code, stdout, stderr } = await runMain(['load', ...args]);
  return { code, stdout: stdout + stderr };
}
