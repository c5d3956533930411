import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { loadConfig } from '../../../src/config/config.ts';
import type { Settings } from '../../../src/config/settings.ts';
import { createLog } from '../../../src/log.ts';
import { Processes } from '../../../src/service/supervisor/processes.ts';

/** A process that listens and is ready at once; with BROKEN it ends instead, if that is its number. */
const PROCESS = `
  if (process.argv[1] === process.env.BROKEN) process.exit(1);
  process.on('message', ({ question, id }) => {
    process.send({ answer: undefined, id });
    if (question === 'stop') process.exit(0);
  });
  process.send({ question: 'listening', id: 0 });
`;

function settingsWith(more: Record<string, string>): Settings {
  const given = { PATH: process.env.PATH, REDIS_HOST: 'a', REDIS_PORT: '1', REDIS_PASSWORD: '', ...more };
  return { given, env: given, ...loadConfig(given, { standalone: false }) };
}

async function startTwo(t: TestContext, settings: Settings): Promise<Processes> {
  const processes = new Processes(
    {
      count: 2,
      log: createLog('silent'),
      invocation: (n) => ({ command: process.execPath, args: ['--eval', PROCESS, String(n)] }),
      environment: ({ env }) => env,
      asked: () => assert.fail('these processes ask nothing'),
    },
    settings,
  );
  t.after(() => processes.stop());
  await processes.start();
  return processes;
}

test('a replacement gives every process the new settings', async (t) => {
  const before = settingsWith({});
  const processes = await startTwo(t, before);
  assert.deepEqual([processes.settings, processes.behind], [before, 0]);
  const next = settingsWith({});
  assert.equal(await processes.replace(next), true);
  assert.equal(processes.settings, next);
  assert.equal(processes.behind, 0);
});

test('processes that a failed replacement did not reach are behind', async (t) => {
  const before = settingsWith({});
  const processes = await startTwo(t, before);
  assert.equal(await processes.replace(settingsWith({ BROKEN: '1' })), false);
  assert.equal(processes.settings, before);
  assert.equal(processes.behind, 0);

  const half = settingsWith({ BROKEN: '2' });
  assert.equal(await processes.replace(half), false);
  assert.equal(processes.settings, half);
  assert.equal(processes.behind, 1);

  assert.equal(await processes.replace(settingsWith({})), true);
  assert.equal(processes.behind, 0);
});
