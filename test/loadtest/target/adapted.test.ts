import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { suitable } from '../../../loadtest/choice.ts';
import type { Profile } from '../../../loadtest/profile.ts';
import { largeValues } from '../../../loadtest/profiles/large-values.ts';
import { missStorm } from '../../../loadtest/profiles/miss-storm.ts';
import { quote } from '../../../loadtest/profiles/quote.ts';
import { smoke } from '../../../loadtest/profiles/smoke.ts';
import { soak } from '../../../loadtest/profiles/soak.ts';
import { websocket } from '../../../loadtest/profiles/websocket.ts';
import { digestOf } from '../../../loadtest/run-profile.ts';
import { requestsOf } from '../../../loadtest/traffic/requests.ts';

/** Adapts the profiles to a service that has these keys. Returns them, and the lines that were reported. */
function adapted(t: TestContext, keys: readonly string[], ...profiles: Profile[]) {
  return adaptedWith(t, { writes: false }, keys, ...profiles);
}

async function adaptedWith(
  t: TestContext,
  { writes }: { writes: boolean },
  keys: readonly string[],
  ...profiles: Profile[]
) {
  const server = createServer(({ url }, response) => {
    const { searchParams } = new URL(url!, 'http://localhost');
    const ofType = keys.filter((key) => key.startsWith(`${searchParams.get('type')}:`));
    // A page has two keys.
    const start = Number(searchParams.get('cursor') ?? 0);
    const page = ofType.slice(start, start + 2).map((key) => ({ key }));
    const cursor = start + 2 < ofType.length ? String(start + 2) : null;
    response.end(JSON.stringify({ keys: page, cursor }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const reports = t.mock.method(console, 'error', () => {});
  const running = { url, headers: [], token: undefined, writes, remote: false };
  const made = await suitable(profiles, false, running, undefined);
  return { profiles: made, lines: reports.mock.calls.map(({ arguments: [line] }) => String(line)) };
}

test('a running service is not judged by gates that need the Redis or the process of the harness', async (t) => {
  const { profiles, lines } = await adapted(t, ['borrow_rate:A'], missStorm, soak);
  assert.deepEqual(
    profiles.map(({ gates }) => gates),
    [
      ['latency', 'errors', 'hits'],
      ['latency', 'errors', 'hits'],
    ],
  );
  assert.deepEqual(
    lines.filter((line) => line.includes('not judged')),
    [
      'miss-storm: not judged, because only a service of the harness shows it: redis reads',
      'soak: not judged, because only a service of the harness shows it: memory growth',
    ],
  );
});

const COMPLETE = ['AAPL', 'GME', 'TSLA'];
const OF_SYMBOL = ['borrow_rate', 'volatility', 'event_risk', 'min_rate'];
const KEYS = [
  'borrow_rate:ALONE',
  ...COMPLETE.flatMap((symbol) => OF_SYMBOL.map((type) => `${type}:${symbol}`)),
  'volatility:OTHER',
  ...['ACME', 'FIRST', 'PRIME'].map((broker) => `broker_config:${broker}`),
];

for (const profile of [quote, websocket])
  test(`${profile.name} reads only keys that a running service has`, async (t) => {
    const { profiles } = await adapted(t, KEYS, profile);
    const request = requestsOf(profiles[0]!, 1);
    const read = new Set<string>();
    for (let n = 0; n < 5_000; n++)
      for (const [key] of request(n)
        .bytes.toString()
        .matchAll(/(?<=")[a-z_]+:\w+(?=")/g))
        read.add(key);
    assert.deepEqual(
      [...read].filter((key) => !KEYS.includes(key)),
      [],
    );
    const symbols = [...read].filter((key) => key.startsWith('min_rate:'));
    assert.deepEqual(
      symbols.sort(),
      COMPLETE.map((symbol) => `min_rate:${symbol}`),
    );
  });

test('a profile is unsuitable for a service that has no symbol with all types that it reads', async (t) => {
  for (const gone of ['min_rate:', 'broker_config:']) {
    const keys = KEYS.filter((key) => !key.startsWith(gone));
    await assert.rejects(
      adapted(t, keys, quote),
      /has no symbol with a key of each of these types: borrow_rate, .* So quote has nothing to read/,
    );
  }
  await assert.rejects(
    adapted(t, KEYS, largeValues),
    /has no keys of the type calculation\. So large-values/,
  );
});

test('writes and other keys change the digest of a profile, and another run does not', async (t) => {
  const digest = async (writes: boolean, ...keys: string[]) =>
    digestOf((await adaptedWith(t, { writes }, keys, smoke)).profiles[0]!);
  const first = await digest(false, 'borrow_rate:A', 'borrow_rate:B');
  assert.equal(await digest(false, 'borrow_rate:A', 'borrow_rate:B'), first);
  assert.notEqual(await digest(true, 'borrow_rate:A', 'borrow_rate:B'), first);
  assert.notEqual(await digest(false, 'borrow_rate:A', 'borrow_rate:C'), first);
});
