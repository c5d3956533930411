import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Operation } from '../../../loadtest/replay/operation.ts';
import { expectedData, requestsOf } from '../../../loadtest/replay/requests.ts';

const OPERATIONS: readonly Operation[] = [
  { atMs: 0, op: 'get', keys: ['a:1'], bytes: 10 },
  { atMs: 1, op: 'get', keys: ['a:missing'], bytes: 0 },
  { atMs: 2, op: 'set', keys: ['a:2'], bytes: 12 },
  { atMs: 3, op: 'mget', keys: ['a:1', 'a:2', 'a:3'], bytes: 60 },
  { atMs: 4, op: 'delete', keys: ['a:ü'] },
  { atMs: 5, op: 'get', keys: ['a:1'], bytes: 10 },
];

test('each operation becomes a request, with a value of the logged size', () => {
  const request = requestsOf(OPERATIONS);
  assert.match(request(0).bytes.toString(), /^GET \/v1\/cache\/a%3A1 HTTP\/1\.1\r\n/);
  assert.match(request(2).bytes.toString(), /^PUT [\s\S]*Content-Length: 12\r\n\r\n"v{10}"$/);
  assert.match(request(3).bytes.toString(), /^POST \/v1\/mget [\s\S]*\{"keys":\["a:1","a:2","a:3"\]\}$/);
  assert.match(request(4).bytes.toString(), /^DELETE \/v1\/cache\/a%3A%C3%BC HTTP\/1\.1\r\n[\s\S]*\r\n\r\n$/);
  assert.deepEqual([request(3).keys, request(4).hits], [3, 'none']);
});

test('a repeated request is built once', () => {
  const request = requestsOf(OPERATIONS);
  assert.equal(request(5), request(0));
});

test('a key that is read before it is written must exist, unless the logged read was empty', () => {
  const data = [...expectedData(OPERATIONS)].map((line) => JSON.parse(line));
  assert.deepEqual(
    data.map(({ key, value }) => [key, JSON.stringify(value).length]),
    [
      ['a:1', 10],
      ['a:3', 20],
    ],
  );
});
