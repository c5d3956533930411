import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseWrk, partsOf } from '../../../bench/compare/loads/wrk.ts';

/** As wrk prints, with the line of the script at its end. */
const output = (result: object) => `Running 7s test @ http://127.0.0.1:41213
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.05ms    1.30ms  20.71ms   95.87%
    Req/Sec    73.95k     9.45k   93.92k    70.00%
  148123 requests in 2.00s, 64.50MB read
Requests/sec:  74020.14
Transfer/sec:     32.24MB
RESULT ${JSON.stringify(result)}
`;

const CLEAN = {
  requests: 1000,
  microseconds: 500_000,
  bytes: 456_000,
  connect: 0,
  read: 0,
  write: 0,
  status: 0,
  timeout: 0,
};

test('what wrk has done is read from the line of the script', () => {
  assert.deepEqual(parseWrk(output(CLEAN)), {
    requests: 1000,
    seconds: 0.5,
    bytesPerAnswer: 456,
    faults: [],
  });
});

test('each kind of error that wrk counts is a fault of the run', () => {
  const { faults } = parseWrk(output({ ...CLEAN, connect: 1, read: 2, write: 3, timeout: 4, status: 5 }));
  assert.deepEqual(faults, [
    '1 connect errors',
    '2 read errors',
    '3 write errors',
    '4 timeout errors',
    '5 answers that are not 2xx',
  ]);
});

test('wrk without a result is an error that says what it did say', () => {
  assert.throws(
    () => parseWrk('unable to connect to 127.0.0.1:1 Connection refused\n'),
    /Connection refused/,
  );
});

test('requests are put together in parts of one depth, and a rest is left out', () => {
  assert.deepEqual(partsOf(['a', 'b', 'c', 'd', 'e'], 2), ['ab', 'cd']);
  assert.deepEqual(partsOf(['a', 'b'], 1), ['a', 'b']);
});
