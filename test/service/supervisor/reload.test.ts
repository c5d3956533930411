import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Config } from '../../../src/config/config.ts';
import type { Settings } from '../../../src/config/settings.ts';
import type { Processes } from '../../../src/service/supervisor/processes.ts';
import { reloadOrReplace } from '../../../src/service/supervisor/reload.ts';
import { recordedLog } from '../../access/support.ts';
import { settled } from '../../support/gated-store.ts';

const CONFIG = { http: { host: 'a', port: 1 }, access: {}, log: { level: 'info' } } as Config;
function withTtl(BORROW_RATE_TTL: string, level: Config['log']['level'] = 'info'): Settings {
  const env = { BORROW_RATE_TTL };
  return { given: env, env, config: { ...CONFIG, log: { ...CONFIG.log, level } }, warnings: [] };
}

/** What SIGHUP does with two processes. The test says how many are replaced. */
function supervisor() {
  const started = withTtl('1');
  const state = { next: started, reached: 2 };
  const replaced: (string | undefined)[] = [];
  const processes = {
    running: new Set(),
    current: [{}, {}],
    firstListens: Promise.resolve(),
    replace: async ({ env }: Settings) => {
      replaced.push(env.BORROW_RATE_TTL);
      return state.reached;
    },
  } as unknown as Processes;
  const { log } = recordedLog('info');
  const hangUp = reloadOrReplace({ processes, settings: started, read: () => state.next, log });
  return {
    replaced,
    log,
    async reload(ttl: string, reached = 2, level: Config['log']['level'] = 'info') {
      Object.assign(state, { next: withTtl(ttl, level), reached });
      hangUp();
      await settled();
    },
  };
}

test('a configuration that has not changed replaces no process', async () => {
  const { replaced, reload } = supervisor();
  await reload('1');
  await reload('2');
  await reload('2');
  assert.deepEqual(replaced, ['2']);
});

test('after a replacement that stopped half way, the configuration before replaces the processes again', async () => {
  const { replaced, reload } = supervisor();
  await reload('2', 1);
  await reload('1');
  await reload('1');
  assert.deepEqual(replaced, ['2', '1']);
});

test('the supervisor logs at the new level when a process has it', async () => {
  const { log, reload } = supervisor();
  await reload('2', 0, 'warn');
  assert.equal(log.level, 'info');
  await reload('2', 1, 'warn');
  assert.equal(log.level, 'warn');
});
