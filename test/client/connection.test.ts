/** The TypeScript client with a service that the test plays. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import type { Client } from '../../src/client/client.ts';
import { connect } from '../../src/client/node.ts';
import type { Options } from '../../src/client/options.ts';
import { FakeService } from '../support/conformance/fake-service.ts';

/** Nothing listens there. */
const NOBODY = 'ws://127.0.0.1:1/v1/ws';

async function stage(t: TestContext, options: Options = {}) {
  const service = await FakeService.start(1);
  t.after(() => service.close());
  const [client]: [Client, unknown] = await Promise.all([
    connect(service.addresses, {
      timeoutMs: 60_000,
      connectTimeoutMs: 30_000,
      maxSilenceMs: 60_000,
      ...options,
    }),
    service.accept(),
  ]);
  t.after(() => client.close());
  return { service, client };
}

test('a token that is not valid in a header, and an address with a fragment, fail as disconnected', async () => {
  for (const [address, token] of [
    [NOBODY, 'secret\n'],
    [`${NOBODY}#fragment`, 'secret'],
  ] as const)
    await assert.rejects(connect(address, { token, connectTimeoutMs: 300 }), (error: Error) => {
      assert.equal((error as { code?: string }).code, 'disconnected');
      assert.doesNotMatch(error.message, /secret|the service did not answer/);
      return true;
    });
});

test('a value that cannot be encoded fails at once, and requests after it are sent on the next connection', async (t) => {
  const { service, client } = await stage(t);
  service.admit(false);
  service.peer.ws.terminate();
  await until(() => client.state.connection === 'down');
  const cyclic: { self?: unknown } = {};
  cyclic.self = cyclic;
  const writes = [10n, cyclic].map((value) => client.set('x:1', value));
  const next = client.set('x:2', 1);
  for (const write of writes) await assert.rejects(write, { code: 'argument_invalid' });
  service.admit(true);
  const peer = await service.accept();
  await until(() => peer.frames.some(({ key }) => key === 'x:2'));
  const { id } = peer.frames.find(({ key }) => key === 'x:2');
  peer.send([{ id, ok: true, status: 'created', version: '019a86e8cc7800005f0c2a17' }]);
  assert.equal((await next).status, 'created');
});

test('a token function that does not return does not stop the client from connecting again', async (t) => {
  let calls = 0;
  const token = () => {
    calls++;
    return calls === 2 ? new Promise<string>(() => {}) : `token-${calls}`;
  };
  const { service } = await stage(t, { token, connectTimeoutMs: 2000 });
  service.peer.ws.terminate();
  assert.equal((await service.accept()).token, 'token-3');
});
