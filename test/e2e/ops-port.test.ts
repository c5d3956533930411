import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { PATIENT } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { tokensFile } from '../support/tokens.ts';

const OPS = ['/health', '/livez', '/readyz', '/metrics', '/stats'];

/** A service with tokens and an own listener for operators. */
async function start(
  t: TestContext,
  env: Record<string, string> = {},
): Promise<[Service, (path: string) => Promise<number>]> {
  const tokens = tokensFile({ reader: { scopes: ['read'] } });
  const service = await startService({
    standalone: true,
    env: { ...PATIENT, AUTH_TOKENS_FILE: tokens.path, OPS_PORT: '0', ...env },
  });
  t.after(async () => {
    await service.stop();
    tokens.remove();
  });
  const { ops_port: port } = await service.waitForLog(({ msg }) => msg === 'listening');
  const ops = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    await response.arrayBuffer();
    return response.status;
  };
  return [service, ops];
}

test('with OPS_PORT, the endpoints of operators are on that port only, and need no token', async (t) => {
  const [service, ops] = await start(t);
  for (const path of OPS) {
    assert.equal(await ops(path), 200, path);
    assert.equal((await service.fetch(path)).status, 404, path);
  }
  for (const path of ['/v1/cache/a', '/v1/keys', '/v1/flush', '/v1/ws'])
    assert.equal(await ops(path), 404, path);
});

test('while the service stops, the port of operators reports that it is not ready', async (t) => {
  const [service, ops] = await start(t, { SHUTDOWN_GRACE_MS: '60000' });
  assert.equal(await ops('/readyz'), 200);
  service.kill('SIGTERM');
  await until(async () => (await ops('/readyz')) === 503);
  assert.equal(await ops('/livez'), 200);
  // A second signal ends the process at once.
  service.kill('SIGTERM');
  await service.exited;
});
