import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { PATIENT } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { connect as connectInBrowser } from '../../src/client/browser.ts';
import { connect as connectInNode } from '../../src/client/node.ts';
import type { Options } from '../../src/client/options.ts';
import { type TokensFile, tokensFile } from '../support/tokens.ts';
import { NEAR, relayTo, trusted } from './stage.ts';

const TRANSPORTS = [
  ['the header of Node', connectInNode, 'ws'],
  ['the first message of a browser', connectInBrowser, 'ws'],
  ['HTTP', connectInNode, 'http'],
] as const;

let tokens: TokensFile;
let service: Service;

before(async () => {
  tokens = tokensFile({
    all: { scopes: ['read', 'write'] },
    rates: { scopes: ['read', 'write'], prefixes: ['calculation:A'] },
  });
  service = await startService({
    standalone: true,
    env: { ...PATIENT, AUTH_TOKENS_FILE: tokens.path, WS_ALLOWED_ORIGINS: '*' },
  });
});

after(async () => {
  await service?.stop();
  tokens?.remove();
});

function started(t: TestContext, connecting: ReturnType<typeof connectInNode>) {
  t.after(async () => (await connecting.catch(() => undefined))?.close());
  return connecting;
}

const options = (name: string): Options => ({
  ...NEAR,
  token: tokens.tokens[name]!,
  connectTimeoutMs: 30_000,
});

for (const [name, connect, protocol] of TRANSPORTS) {
  test(`a token gives its rights: ${name}`, async (t) => {
    const address = `${protocol}://127.0.0.1:${service.port}`;
    const client = await started(t, connect(address, options('rates')));
    await client.set('calculation:A', 1);
    const [mine, foreign] = await client.getMany(['calculation:A', 'calculation:B']);
    assert.deepEqual([mine.value, foreign.status, foreign.code], [1, 'error', 'forbidden']);
    await assert.rejects(client.get('calculation:B'), { code: 'forbidden' });
    await assert.rejects(client.set('calculation:B', 1), { code: 'forbidden' });
  });
}

test('a wrong token is reported when the client connects', async (t) => {
  const wrong = { token: 'rct_wrong', connectTimeoutMs: 2000 };
  for (const connect of [connectInNode, connectInBrowser]) {
    const failing = connect(`ws://127.0.0.1:${service.port}`, wrong);
    await assert.rejects(started(t, failing), { code: 'disconnected', message: /401|token/ });
  }
});

test('each connection has a new token', async (t) => {
  const relay = await relayTo(t, service);
  let asked = 0;
  const token = async () => {
    asked++;
    return tokens.tokens.all!;
  };
  const client = await started(t, connectInBrowser(`ws://127.0.0.1:${relay.port}`, { ...NEAR, token }));
  relay.cut();
  await until(() => asked === 2 && client.state.connection === 'up');
  await client.set('calculation:A', 2);
  assert.equal((await client.get('calculation:A')).value, 2);
});

test('keys that may not be watched by type are watched by key', async (t) => {
  const nearCache = { maxEntries: 100, keysPerType: 5 };
  const client = await started(
    t,
    connectInNode(`ws://127.0.0.1:${service.port}`, { ...options('rates'), nearCache }),
  );
  await trusted(client);
  const keys = Array.from({ length: 12 }, (_, i) => `calculation:A${i}`);
  await Promise.all(keys.map((key) => client.set(key, 1)));
  for (const key of keys) await client.get(key);
  await until(async () => {
    const results = await client.getMany(keys);
    return results.every(({ tier }) => tier === 'near-cache');
  });
  const writer = await started(t, connectInNode(service.url, options('all')));
  await Promise.all(keys.map((key) => writer.set(key, 2)));
  await until(() => keys.every((key) => client.peek(key)?.value === 2));
});
