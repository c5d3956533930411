import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseWrk, partsOf } from '../../../bench/compare/loads/wrk.ts';

const CLEAN = {
  ...{ requests: 1000, microseconds: 500_000, bytes: 456_000 },
  ...{ connect: 0, read: 0, write: 0, status: 0, timeout: 0 },
};
/** The output of wrk, with the line of the script at its end. */
const output = (result: object) => `Running 2s test @ http://127.0.0.1:41213
  1 threads and 64 connections
Requests/sec:  74020.14
RESULT ${JSON.stringify(result)}
`;

test('the result of wrk is read from the line of the script', () => {
  assert.deepEqual(parseWrk(output(CLEAN)), {
    ...{ requests: 1000, seconds: 0.5, faults: [] },
    figures: { bytes: 456 },
  });
});

test('each kind of error that wrk counts is a fault of the run', () => {
  const errors = { connect: 1, read: 2, write: 3, timeout: 4, status: 5 };
  assert.deepEqual(parseWrk(output({ ...CLEAN, ...errors })).faults, [
    ...['1 connect errors', '2 read errors', '3 write errors', '4 timeout errors'],
    '5 answers that are not 2xx',
  ]);
});

test('wrk without a result is an error that has its output', () => {
  assert.throws(() => parseWrk('unable to connect\n'), /unable to connect/);
});

test('requests are joined to parts of one depth, and a rest is left out', () => {
  assert.deepEqual(partsOf(['a', 'b', 'c', 'd', 'e'], 2), ['ab', 'cd']);
});
