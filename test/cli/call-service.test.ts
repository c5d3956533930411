import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PATIENT } from '../../loadtest/target/replicas.ts';
import { startService } from '../../loadtest/target/service.ts';
import { callService } from '../../src/cli/call-service.ts';

test('a call with an address does not look up the name', async (t) => {
  const service = await startService({
    standalone: true,
    env: { ...PATIENT, ALLOWED_HOSTS: 'service.invalid' },
  });
  t.after(() => service.stop());
  const url = `http://service.invalid:${service.port}`;
  const question = { path: '/v1/keys', timeoutMs: 30_000, token: undefined };
  const { status } = await callService(url, { ...question, address: '127.0.0.1' });
  assert.equal(status, 200);
  await assert.rejects(callService(url, question), /service\.invalid/);
});
