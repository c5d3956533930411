import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { accessLine } from '../../../loadtest/replay/access-log.ts';
import { needOperations, readLog, readLogFile } from '../../../loadtest/replay/log.ts';
import { monitorLine } from '../../../loadtest/replay/monitor.ts';

const PREFIX = 'borrow_rate_engine:';

test('an access log has time as ISO or milliseconds, one key or several, and an optional size', () => {
  assert.deepEqual(
    accessLine('{"time":"2026-11-24T08:00:00.250Z","op":"get","key":"borrow_rate:A","size":200}'),
    {
      atMs: Date.UTC(2026, 10, 24, 8, 0, 0, 250),
      op: 'get',
      keys: ['borrow_rate:A'],
      bytes: 200,
    },
  );
  assert.deepEqual(accessLine('{"time":1500.5,"op":"mget","keys":["a:1","a:2"]}'), {
    atMs: 1500.5,
    op: 'mget',
    keys: ['a:1', 'a:2'],
  });
});

for (const [line, why] of [
  ['{"time":1', 'not JSON'],
  ['7', 'not a JSON object'],
  ['{"time":"soon","op":"get","key":"a"}', 'no time'],
  ['{"op":"get","key":"a"}', 'no time'],
  ['{"time":1,"op":"scan","key":"a"}', 'unknown operation'],
  ['{"time":1,"op":"get"}', 'no key'],
  ['{"time":1,"op":"mget","keys":[]}', 'no key'],
  ['{"time":1,"op":"mget","keys":["a",7]}', 'no key'],
] as const) {
  test(`a line of an access log is skipped and counted: ${why}: ${line}`, () => {
    assert.equal(accessLine(line), why);
  });
}

test('a capture has reads, writes with the size of their value, and deletes', () => {
  const read = (command: string) => monitorLine(`1339518083.107412 [0 127.0.0.1:60866] ${command}`, PREFIX);
  const atMs = 1339518083107.412;
  assert.deepEqual(read('"GET" "borrow_rate_engine:borrow_rate:A"'), {
    atMs,
    op: 'get',
    keys: ['borrow_rate:A'],
  });
  assert.deepEqual(read('"mget" "borrow_rate_engine:a:1" "b:2"'), { atMs, op: 'mget', keys: ['a:1', 'b:2'] });
  assert.deepEqual(read('"set" "a:1" "12345" "EX" "60"'), { atMs, op: 'set', keys: ['a:1'], bytes: 5 });
  assert.deepEqual(read('"setex" "a:1" "60" "123"'), { atMs, op: 'set', keys: ['a:1'], bytes: 3 });
  assert.deepEqual(read('"unlink" "a:1"'), { atMs, op: 'delete', keys: ['a:1'] });
});

test('an escaped byte of a capture counts as one byte', () => {
  const line = '1.5 [0 lua] "set" "a:\\"q\\"" "\\x00\\xff\\n\\\\x"';
  assert.deepEqual(monitorLine(line, PREFIX), { atMs: 1500, op: 'set', keys: ['a:"q"'], bytes: 5 });
});

test('other commands and other lines of a capture are skipped', () => {
  assert.equal(monitorLine('OK', PREFIX), 'not a command');
  assert.equal(monitorLine('1.5 [0 127.0.0.1:1] "ping"', PREFIX), 'command without a replay');
  assert.equal(
    monitorLine('1.5 [0 127.0.0.1:1] "evalsha" "abc" "1" "a:1"', PREFIX),
    'command without a replay',
  );
  assert.equal(monitorLine(`1.5 [0 127.0.0.1:1] "get" "${PREFIX}"`, PREFIX), 'no key');
});

test('operations are sorted by time, and other lines are counted', async () => {
  const lines = [
    '{"time":30,"op":"get","key":"a:3"}',
    '{"time":10,"op":"set","key":"a:1","size":9}',
    '',
    'OK',
    '{"time":20,"op":"delete","key":"a:2"}',
  ];
  const { operations, skipped } = await readLog(lines, { prefix: PREFIX });
  assert.deepEqual(
    operations.map(({ atMs }) => atMs),
    [10, 20, 30],
  );
  assert.deepEqual([...skipped], [['not a command', 1]]);
});

test('a log that is too long is cut, and the rest is counted', async () => {
  const lines = Array.from({ length: 10 }, (_, i) => `{"time":${i},"op":"get","key":"a:${i}"}`);
  const { operations, skipped } = await readLog(lines, { prefix: PREFIX, most: 4 });
  assert.equal(operations.length, 4);
  assert.deepEqual([...skipped], [['beyond the first 4', 6]]);
});

test('a log that gzip compressed is read, and damage is an error', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'ratecache-log-test-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const lines = Array.from({ length: 5_000 }, (_, n) => `{"time":${n},"op":"get","key":"a:${n}"}\n`);
  const zipped = gzipSync(lines.join(''));
  const path = join(dir, 'access.ndjson.gz');
  writeFileSync(path, zipped);
  const { operations, skipped } = await readLogFile(path, { prefix: '' });
  assert.deepEqual([operations.length, operations.at(-1)!.keys, skipped.size], [5_000, ['a:4999'], 0]);
  writeFileSync(path, zipped.subarray(0, zipped.length / 2));
  await assert.rejects(readLogFile(path, { prefix: '' }), /access\.ndjson\.gz: unexpected end of file/);
  writeFileSync(path, 'plain');
  await assert.rejects(readLogFile(path, { prefix: '' }), /incorrect header check/);
  await assert.rejects(readLogFile(join(dir, 'missing.gz'), { prefix: '' }), /ENOENT/);
});

test('a log without operations is an error', () => {
  assert.throws(() => needOperations([]), /no operation was read from the log/);
});
