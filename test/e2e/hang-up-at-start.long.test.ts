/** SIGHUP while a process of the sources starts: only of them a test can say when. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { program } from '../../loadtest/target/program.ts';
import { PATIENT } from '../../loadtest/target/replicas.ts';
import { startService } from '../../loadtest/target/service.ts';

delete process.env.RATECACHE_BINARY;

/** Sends SIGHUP to the process itself when it loads the module whose URL ends in this. */
const hangUpAtLoadOf = (module: string) =>
  `--import=data:text/javascript,${encodeURIComponent(`
    import { registerHooks } from 'node:module';
    registerHooks({
      load(url, context, next) {
        if (url.endsWith('${module}')) process.kill(process.pid, 'SIGHUP');
        return next(url, context);
      },
    });`)}`;

for (const module of ['/src/cli/run.ts', '/src/service/serve.ts'])
  test(`a SIGHUP while ${module} is loaded is handled when the service has started`, async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'ratecache-env-'));
    t.after(() => rmSync(directory, { recursive: true }));
    const file = join(directory, 'ratecache.env');
    writeFileSync(file, 'PORT=0\n');
    const env = { ...PATIENT, ENV_FILE: file, NODE_OPTIONS: hangUpAtLoadOf(module) };
    const service = await startService({ standalone: true, env });
    t.after(() => service.stop());
    await service.waitForLog(({ msg }) => msg === 'SIGHUP: the configuration was read again');
    assert.equal((await service.fetch('/livez')).status, 200);
  });

test('a SIGHUP ends a command that does not serve', async () => {
  const { PATH } = process.env;
  const env = { PATH, NODE_OPTIONS: hangUpAtLoadOf('/src/cli/run.ts') };
  const { command, args } = program('--version');
  assert.equal(spawnSync(command, args, { env }).signal, 'SIGHUP');
});
