/** Parts of the Python client, without a service. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { PYTHON, pythonEnv } from './python.ts';

/** Runs a program, which prints JSON. */
async function run(program: string): Promise<unknown> {
  const { stdout } = await promisify(execFile)(PYTHON, ['-c', program], { env: pythonEnv() });
  return JSON.parse(stdout);
}

const FAILING_SEND = `
import asyncio, json
from ratecache.flights import Flights

async def main():
    sent = []
    def send(batch):
        sent.append([flight.key for flight in batch])
        if len(sent) == 1:
            raise TypeError("it cannot be sent")
    flights = Flights(max_in_flight=10, max_batch_keys=10, send=send, is_full=lambda: False)
    reads = [flights.join(key, 60) for key in ("x:1", "x:2")]
    done, open_ = await asyncio.wait(reads, timeout=1)
    errors = [str(read.exception()) for read in reads if read in done]
    flights.join("x:1", 60)
    await asyncio.sleep(0)
    print(json.dumps([errors, sent]))

asyncio.run(main())
`;

test('Python: an exception while reads are sent fails these reads, and later reads of the keys are sent', async () => {
  const why = 'it cannot be sent';
  assert.deepEqual(await run(FAILING_SEND), [
    [why, why],
    [['x:1', 'x:2'], ['x:1']],
  ]);
});

/** Its token function first does not return, then its shared task is cancelled by others. The third token is good. */
const TOKENS = `
import asyncio, json
from ratecache.connection import Connection
from ratecache.options import Options

async def main():
    calls, opened = [], asyncio.get_running_loop().create_future()
    async def token():
        calls.append(1)
        if len(calls) == 1:
            await asyncio.Event().wait()
        if len(calls) == 2:
            shared = asyncio.create_task(asyncio.sleep(60))
            shared.cancel()
            await shared
        return "good"
    async def opener(address, token, timeout):
        if not opened.done():
            opened.set_result(token)
        raise OSError("refused")
    connection = Connection(["ws://x"], Options(token=token, connect_timeout=0.05), opener, None)
    connection.start()
    await asyncio.wait((opened,), timeout=5)
    await connection.close()
    left = asyncio.all_tasks() - {asyncio.current_task()}
    print(json.dumps([opened.result() if opened.done() else None, len(left)]))

asyncio.run(main())
`;

test('Python: the client connects again after a token function that does not return or is cancelled', async () => {
  assert.deepEqual(await run(TOKENS), ['good', 0]);
});
