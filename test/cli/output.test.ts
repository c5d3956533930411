import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { program } from '../../loadtest/target/program.ts';
import { freePort } from '../../loadtest/target/redis-server.ts';
import { PATIENT } from '../../loadtest/target/replicas.ts';
import { startService } from '../../loadtest/target/service.ts';
import { tether } from '../../loadtest/target/tether.ts';

test('a command with closed output ends without an error message, and keeps its exit code', async () => {
  const nowhere = `http://127.0.0.1:${await freePort()}`;
  const cases: [args: string[], code: number][] = [
    [['--help'], 0],
    [['--version'], 0],
    [['help', 'warmup'], 0],
    [['warmup', '--help'], 0],
    [['completion', 'bash'], 0],
    [['complete', '--', 'ch'], 0],
    [['load'], 0],
    [['check', '--url', nowhere], 2],
    [['stats', '--url', nowhere], 2],
    [['invalidate', 'a:b', '--url', nowhere], 2],
    [['warmup', '--nonsense'], 64],
  ];
  for (const [args, code] of cases) {
    const run = await withOutputClosed(args);
    assert.equal(run.code, code, args.join(' '));
    assert.doesNotMatch(run.stderr, /EPIPE|\bat /, args.join(' '));
  }
});

test('a command whose standard error is closed too ends with its exit code', async () => {
  const run = await withOutputClosed(['warmup', 'missing.txt'], { stderrToo: true });
  assert.equal(run.code, 1);
});

test('stats --watch ends when the reader of its output is gone', async (t) => {
  const service = await startService({ standalone: true, env: PATIENT });
  t.after(() => service.stop());
  const run = await withOutputClosed(['stats', '--watch', '0.1', '--url', service.url]);
  assert.deepEqual(run, { code: 0, stderr: '' });
});

test('output to a full disk is an error with exit code 74', async () => {
  const { command, args } = program('warmup', '--help');
  const child = spawn('sh', ['-c', 'exec "$@" >/dev/full', 'sh', command, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  tether(child);
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const [code] = await once(child, 'close');
  assert.equal(code, 74);
  assert.match(stderr, /^ratecache: cannot write to standard output: ENOSPC.*\n$/);
});

/** Runs a command whose reader closes its end at once, before anything is written. */
async function withOutputClosed(given: string[], { stderrToo = false } = {}) {
  const { command, args } = program(...given);
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  tether(child);
  child.stdout.destroy();
  let stderr = '';
  if (stderrToo) child.stderr.destroy();
  else
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
  const [code] = await once(child, 'close');
  return { code: code as number | null, stderr };
}
