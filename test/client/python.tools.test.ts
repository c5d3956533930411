/** The Python client with a real service and a real Redis. It needs Python with the package `websockets`. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { until } from '../../loadtest/support/until.ts';
import { ProcessRunner } from '../support/conformance/process-runner.ts';
import type { Json } from '../support/conformance/scenario.ts';
import { replicasOfFile } from '../support/services.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { MAX_SILENCE_MS, stoppedProgramReadsNothingOld } from './paused.ts';
import { PYTHON, pythonEnv } from './python.ts';
import { write } from './stage.ts';

const RUNNER = new URL('../../clients/python/conformance.py', import.meta.url).pathname;
const KEY = 'borrow_rate:GME';

/** Uses every call of the blocking client, and prints what it saw. */
const BLOCKING = `
import json, re, sys, time
from ratecache import MaxStaleness, NearCacheOptions, RatecacheError, connect_blocking

with connect_blocking(sys.argv[1], near_cache=NearCacheOptions(), timeout=30, connect_timeout=30) as rates:
    seen = [rates.set("borrow_rate:A", {"rate": 0.25}, ttl=100).status]
    seen.append(rates.get("borrow_rate:A").value)
    seen.append([result.status for result in rates.get_many(["borrow_rate:A", "borrow_rate:B"])])
    while rates.peek("borrow_rate:A") is None:
        rates.get("borrow_rate:A")
    seen.append(rates.get("borrow_rate:A").tier)
    heard = []
    handle = rates.subscribe(heard.append, keys=["borrow_rate:A"], initial=True)
    seen.append([change.value for change in heard])
    handle.close()
    with rates.changes(types=["borrow_rate"], initial=True) as changes:
        seen.append(next(changes).key)
        rates.set("borrow_rate:C", 1)
        seen.append(next(changes).key)
    try:
        rates.set("borrow_rate:A", 1, if_absent=True)
    except RatecacheError as error:
        seen.append(error.code)
    rates.set("borrow_rate:E", 1, as_of=time.time() - 60)
    try:
        rates.get("borrow_rate:E", max_age=30)
    except RatecacheError as error:
        seen.append(re.sub(r"\\d\\d\\.\\d{3}", "60", str(error)))
    seen.append(rates.delete("borrow_rate:A").status)
    seen.append(rates.state.connection)
try:
    rates.get("borrow_rate:D", timeout=1)
except RatecacheError as error:
    seen.append(error.code)
print(json.dumps(seen))
`;

/** Its handlers fail. It prints the errors that the event loop received, and the last value. */
const FAILING = `
import asyncio, json, sys
from ratecache import connect

async def main():
    errors, values = [], []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(str(context["exception"])))
    async with await connect(sys.argv[1], timeout=30, connect_timeout=30) as rates:
        def fail(_):
            raise ValueError("the handler failed")
        rates.on_state(fail)
        await rates.subscribe(fail, keys=["x:1"])
        changed = asyncio.Event()
        def keep(change):
            values.append(change.value)
            changed.set()
        await rates.subscribe(keep, keys=["x:1"])
        for value in (1, 2):
            await rates.set("x:1", value)
            await changed.wait()
            changed.clear()
        state = rates.state
    print(json.dumps([sorted(set(errors)), len(errors) >= 2, values, state.connection, state.last_error]))

asyncio.run(main())
`;

/** Reads a rate from memory whenever a volatility changes, and prints what it read: see `paused.ts`. */
const PAUSED = `
import asyncio, json, sys
from ratecache import NearCacheOptions, connect

async def main():
    rates = await connect(sys.argv[1], near_cache=NearCacheOptions(), max_silence=${MAX_SILENCE_MS / 1000}, timeout=30, connect_timeout=30)
    def show(_):
        result = rates.peek("borrow_rate:GME")
        read = {} if result is None else {"value": result.value, "state": result.state}
        # print would write the end of the line on its own, and the program may be stopped before it.
        sys.stdout.write(json.dumps(read) + "\\n")
    await rates.get("borrow_rate:GME")
    await rates.subscribe(show, types=["volatility"])
    await asyncio.Event().wait()

asyncio.run(main())
`;

/** Closes a client, and ends its event loop at once. It prints the tasks that the client left behind. */
const CLOSING = `
import asyncio, json, sys
from ratecache import NearCacheOptions, connect

async def main():
    rates = await connect(sys.argv[1], near_cache=NearCacheOptions(), timeout=30, connect_timeout=30)
    await rates.subscribe(lambda _: None, types=["volatility"])
    await rates.get("x:1")
    await rates.close()
    left = asyncio.all_tasks() - {asyncio.current_task()}
    print(json.dumps([str(task) for task in left]))

loop = asyncio.new_event_loop()
loop.run_until_complete(main())
loop.close()
`;

const UNREAD = 100;
/** Is busy while changes arrive, and closes the client without a turn of the event loop. */
const BUSY = `
import asyncio, sys, urllib.request
from ratecache import connect

async def main():
    rates = await connect(sys.argv[1], timeout=30, connect_timeout=30)
    await rates.subscribe(lambda _: None, types=["volatility"])
    for i in range(${UNREAD}):
        url = f"{sys.argv[1].replace('ws:', 'http:')}/v1/cache/volatility:{i}"
        headers = {"Content-Type": "application/json"}
        urllib.request.urlopen(urllib.request.Request(url, b"1", headers, method="PUT")).close()
    await asyncio.wait_for(rates.close(), 30)
    print(rates.state.connection)

asyncio.run(main())
`;

/** Closes clients while their sockets open, a few turns of the event loop later each. It prints what the sockets received. */
const OPENING = `
import asyncio, json
from ratecache.client import Client
from ratecache.options import Options

class Socket:
    def __init__(self):
        self.seen = []
    async def send(self, frame):
        self.seen.append("sent")
    async def frames(self):
        await asyncio.Event().wait()
        yield
    async def end(self):
        self.seen.append("ended")

async def close_after(turns):
    socket, is_open = Socket(), asyncio.Event()
    class Opener:
        sends_token = True
        async def __call__(self, url, token, timeout):
            await is_open.wait()
            return socket
    client = Client(["ws://a"], Options(timeout=30, max_silence=30), Opener())
    client._connection.start()
    await asyncio.sleep(0.01)
    is_open.set()
    for _ in range(turns):
        await asyncio.sleep(0)
    was_up = client.state.connection == "up"
    await client.close()
    return [was_up, socket.seen]

async def main():
    print(json.dumps([await close_after(turns) for turns in range(8)]))

asyncio.run(main())
`;

const {
  redis,
  replicas: [service],
} = await replicasOfFile({});

/** A Python client with a near cache. */
async function clientOf(t: TestContext, { port }: { readonly port: number }): Promise<ProcessRunner> {
  const client = new ProcessRunner(PYTHON, [RUNNER], pythonEnv());
  t.after(() => client.end());
  const options = { nearCache: {}, timeoutMs: 30_000, connectTimeoutMs: 30_000 };
  const addresses = [`ws://127.0.0.1:${port}`];
  await client.run({ do: 'connect', addresses, options, tokenIn: 'header' });
  await until(async () => (await client.run({ do: 'state' })).isTrusted);
  return client;
}

test('Python: a value is written, read, and then served from memory until another program changes it', async (t) => {
  const client = await clientOf(t, service);
  const { status, version } = await client.run({ do: 'set', key: KEY, value: { rate: 0.25 } });
  assert.equal(status, 'created');
  const peek = () => client.run({ do: 'peek', key: KEY });
  const read = await client.run({ do: 'get', key: KEY });
  assert.deepEqual([read.value, read.version, read.state], [{ rate: 0.25 }, version, 'coherent']);
  await until(async () => (await peek()) || client.run({ do: 'get', key: KEY }).then(() => false));
  await write(service, KEY, { rate: 0.5 });
  await until(async () => (await peek())?.value.rate === 0.5);
  await redis.cli('FLUSHALL');
  await until(async () => (await client.run({ do: 'get', key: KEY })).status === 'miss');
});

test('Python: a half-open connection is noticed, and the client comes back with current values', async (t) => {
  const proxy = await startTcpProxy(service);
  t.after(() => proxy.close());
  const client = await clientOf(t, proxy);
  await write(service, KEY, 1);
  await client.run({ do: 'get', key: KEY });
  proxy.freeze();
  await until(async () => (await client.run({ do: 'peek', key: KEY })) === null);
  await write(service, KEY, 2);
  const read = client.run({ do: 'get', key: KEY });
  await until(async () => (await client.run({ do: 'state' })).connection === 'down');
  proxy.cut();
  proxy.thaw();
  assert.equal((await read).value, 2);
  await until(async () => (await client.run({ do: 'peek', key: KEY }))?.value === 2);
});

test('Python: changes that another program makes are reported, also those during a lost connection', async (t) => {
  const proxy = await startTcpProxy(service);
  t.after(() => proxy.close());
  const client = await clientOf(t, proxy);
  const changes: Json[] = [];
  client.onChange = (_, change) => changes.push(change);
  await client.run({ do: 'subscribe', name: 's', interest: { types: ['volatility'] } });
  await write(service, 'volatility:A', 1);
  await until(() => changes.length === 1);
  proxy.accept(false);
  proxy.cut();
  await until(async () => (await client.run({ do: 'state' })).connection === 'down');
  await write(service, 'volatility:A', 2);
  proxy.accept(true);
  await until(() => changes.length === 2);
  assert.deepEqual(
    changes.map(({ key, value, fromSnapshot }) => [key, value, fromSnapshot]),
    [
      ['volatility:A', 1, false],
      ['volatility:A', 2, true],
    ],
  );
});

test('Python: the blocking client has the same calls', async () => {
  const run = promisify(execFile);
  const { stdout } = await run(PYTHON, ['-c', BLOCKING, `ws://127.0.0.1:${service.port}`], {
    env: pythonEnv(),
  });
  assert.deepEqual(JSON.parse(stdout), [
    'created',
    { rate: 0.25 },
    ['hit', 'miss'],
    'near-cache',
    [{ rate: 0.25 }],
    'borrow_rate:A',
    'borrow_rate:C',
    'precondition_failed',
    'terms_not_met: borrow_rate:E cannot be returned: terms_not_met: its data is 60 s old',
    'deleted',
    'up',
    'closed',
  ]);
});

test('Python: an error of a handler is reported to the event loop, and the connection stays', async () => {
  const run = promisify(execFile);
  const { stdout } = await run(PYTHON, ['-c', FAILING, `ws://127.0.0.1:${service.port}`], {
    env: pythonEnv(),
  });
  assert.deepEqual(JSON.parse(stdout), [['the handler failed'], true, [1, 2], 'up', null]);
});

test('Python: a program that was stopped does not trust heartbeats that waited in its socket', (t) =>
  stoppedProgramReadsNothingOld(t, service, PYTHON, ['-c', PAUSED], pythonEnv()));

test('Python: close() returns while many changes wait in the socket', async () => {
  const run = promisify(execFile);
  const { stdout } = await run(PYTHON, ['-c', BUSY, `ws://127.0.0.1:${service.port}`], { env: pythonEnv() });
  assert.equal(stdout, 'closed\n');
});

test('Python: a client that is closed while its socket opens does not use the socket', async () => {
  const run = promisify(execFile);
  const { stdout } = await run(PYTHON, ['-c', OPENING], { env: pythonEnv() });
  const closed = JSON.parse(stdout) as [boolean, string[]][];
  assert.ok(closed.some(([wasUp]) => wasUp) && closed.some(([wasUp]) => !wasUp));
  for (const [wasUp, seen] of closed)
    if (!wasUp) assert.ok(['', 'ended'].includes(seen.join()), JSON.stringify(closed));
});

test('Python: no task is left when close() returns', async () => {
  const run = promisify(execFile);
  const { stdout, stderr } = await run(PYTHON, ['-c', CLOSING, `ws://127.0.0.1:${service.port}`], {
    env: pythonEnv(),
  });
  assert.deepEqual(JSON.parse(stdout), []);
  assert.equal(stderr, '');
});
