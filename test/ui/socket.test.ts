/** The WebSocket of the live page, with a service that refuses requests. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';

/** Dynamic, because the modules of the page use types of browsers. */
const load = (name: string) => import(new URL(`../../src/ui/${name}.ts`, import.meta.url).href);
const { Socket } = await load('socket');
const { setToken } = await load('token');

const BEAT = { event: 'heartbeat', epoch: 'e', offset: 7 };
/** Longer than the delay of every test here. */
const LATER_MS = 60_000;

interface Request {
  readonly id: string;
  readonly op: string;
}

/** The browser's end of a connection, which the test opens and answers. */
class FakeWebSocket extends EventTarget {
  static readonly OPEN = 1;
  static all: FakeWebSocket[] = [];
  readyState = 0;
  readonly sent: Request[] = [];

  constructor() {
    super();
    FakeWebSocket.all.push(this);
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }

  close(): void {
    this.readyState = 3;
    this.dispatchEvent(Object.assign(new Event('close'), { reason: '' }));
  }

  open(): void {
    this.readyState = FakeWebSocket.OPEN;
    this.dispatchEvent(new Event('open'));
  }

  receive(message: object): void {
    this.dispatchEvent(Object.assign(new Event('message'), { data: JSON.stringify(message) }));
  }

  answer(id: string, code?: string): void {
    this.receive(code === undefined ? { id, ok: true, resumed: true, more: false } : { id, ok: false, code });
  }

  get ids(): string[] {
    return this.sent.map(({ id }) => id);
  }
}

/** A page with this token that has just connected. */
function connected(t: TestContext, token = '') {
  const globals = { WebSocket: FakeWebSocket, location: { href: 'http://127.0.0.1/ui' } };
  const before = Object.fromEntries(
    Object.keys(globals).map((name) => [name, Reflect.get(globalThis, name)]),
  );
  Object.assign(globalThis, globals);
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  FakeWebSocket.all = [];
  setToken(token);
  t.after(() => {
    setToken('');
    Object.assign(globalThis, before);
  });
  const socket = new Socket();
  const told: string[] = [];
  socket.listen(({ kind, reason }: { kind: string; reason: string }) =>
    told.push(`${kind} ${reason}`.trim()),
  );
  socket.open(null);
  const latest = () => {
    const found = FakeWebSocket.all.at(-1)!;
    if (found.readyState === 0) found.open();
    return found;
  };
  /** Waits for the next connection, and returns the time it took. */
  const reconnected = () => {
    const count = FakeWebSocket.all.length;
    let waited = 0;
    for (; FakeWebSocket.all.length === count && waited < LATER_MS; waited += 100) t.mock.timers.tick(100);
    return waited;
  };
  return { socket, told, latest, reconnected };
}

test('the page is connected after the service has accepted the subscription of the feed', (t) => {
  const { told, latest } = connected(t);
  latest().receive(BEAT);
  assert.deepEqual(latest().ids, ['heartbeat', 'feed']);
  assert.deepEqual(told, []);
  latest().receive(BEAT);
  latest().answer('feed');
  latest().answer('feed');
  assert.deepEqual(told, ['connected']);
  assert.deepEqual(latest().ids, ['heartbeat', 'feed'], 'one subscription');
});

for (const code of ['overloaded', 'rate_limited', 'too_many_subscriptions', 'unauthenticated'])
  test(`a page whose subscription is refused as ${code} connects again, later each time`, (t) => {
    const { told, latest, reconnected } = connected(t);
    const delays: number[] = [];
    for (let i = 0; i < 4; i++) {
      latest().receive(BEAT);
      latest().answer('feed', code);
      assert.equal(latest().readyState, 3, 'the connection is closed');
      delays.push(reconnected());
    }
    assert.deepEqual(told, []);
    assert.ok(delays[3]! > 2 * delays[0]!, `${delays} ms`);
    latest().receive(BEAT);
    latest().answer('feed');
    assert.deepEqual(told, ['connected']);
  });

test('with a token, the page subscribes after the service has accepted the token', (t) => {
  const { told, latest } = connected(t, 'abc');
  assert.deepEqual(latest().ids, ['auth']);
  latest().answer('auth');
  latest().receive(BEAT);
  assert.deepEqual(latest().ids, ['auth', 'heartbeat', 'feed']);
  latest().answer('feed');
  assert.deepEqual(told, ['connected']);
});

test('the page closes the connection if its token cannot be verified', (t) => {
  const { told, latest, reconnected } = connected(t, 'abc');
  latest().answer('auth', 'identity_unavailable');
  assert.equal(latest().readyState, 3);
  assert.ok(reconnected() < LATER_MS);
  assert.deepEqual(told, []);
});

test('the open key is watched again if the service refused it for a while', (t) => {
  const { socket, told, latest, reconnected } = connected(t);
  latest().receive(BEAT);
  latest().answer('feed');
  const delays: number[] = [];
  for (let i = 0; i < 4; i++) {
    if (i === 0) socket.watch('other:a');
    latest().answer('watch-1', 'overloaded');
    delays.push(reconnected());
    latest().receive(BEAT);
    latest().answer('feed');
    assert.ok(latest().ids.includes('watch-1'));
  }
  assert.deepEqual(told.slice(0, 3), ['connected', 'disconnected refused: overloaded', 'connected']);
  assert.ok(delays[3]! > 2 * delays[0]!, `${delays} ms`);
  latest().receive(BEAT);
  latest().close();
  assert.ok(reconnected() <= 1000, 'a connection that lasted is replaced soon');
});

for (const code of ['forbidden', 'key_invalid'])
  test(`a key that the service refuses as ${code} does not end the connection`, (t) => {
    const { socket, told, latest } = connected(t);
    latest().receive(BEAT);
    latest().answer('feed');
    socket.watch('other:a');
    latest().answer('watch-1', code);
    socket.watch('other:b');
    latest().answer('unsubscribe', 'frame_invalid');
    assert.deepEqual(latest().ids.slice(2), ['watch-1', 'unsubscribe', 'watch-2']);
    assert.equal(latest().readyState, 1);
    assert.deepEqual(told, ['connected']);
  });
