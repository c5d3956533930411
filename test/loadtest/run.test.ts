import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { PROFILES } from '../../loadtest/profiles/index.ts';
import type { RunResult } from '../../loadtest/result.ts';

const MAIN = fileURLToPath(new URL('../../loadtest/run.ts', import.meta.url));

test('without a name it lists every profile with its question', async () => {
  const { code, stdout } = await load();
  assert.equal(code, 0);
  for (const { name, question } of PROFILES)
    assert.match(stdout, new RegExp(`^${name} +${question.replace('?', '\\?')}$`, 'm'));
});

test('what the harness cannot do is exit code 2', async () => {
  const runs = await Promise.all([load('no-such-profile'), load('smoke', '--rate', 'fast')]);
  assert.deepEqual(
    runs.map(({ code }) => code),
    [2, 2],
  );
});

test('a gate that fails is exit code 1, and the result is written all the same', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'ratecache-load-test-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const json = join(dir, 'all.json');
  // 150 requests are too few to judge by.
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

async function load(...args: string[]): Promise<{ code: number; stdout: string }> {
  // Without the variables of a CI job, to whose summary this is nothing to add.
  const env = { PATH: process.env.PATH, HOME: process.env.HOME };
  const child = spawn(process.execPath, [MAIN, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      stdout += chunk;
    });
  }
  const [code] = await once(child, 'close');
  return { code, stdout };
}
