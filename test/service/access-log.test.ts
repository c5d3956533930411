import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { linesOf, readLog } from '../../loadtest/replay/log.ts';
import { expectedData } from '../../loadtest/replay/requests.ts';
import { startRedis } from '../../loadtest/target/redis-server.ts';
import { PATIENT, startReplica } from '../../loadtest/target/replicas.ts';
import { startService } from '../../loadtest/target/service.ts';
import { AccessLog } from '../../src/service/access-log.ts';
import { recordedLog } from '../access/support.ts';
import { del, get, post, put } from '../support/client.ts';

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'ratecache-access-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function accessLog(t: TestContext, path: string) {
  const recorded = recordedLog('info');
  let dropped = 0;
  const access = new AccessLog(path, recorded.log, () => dropped++);
  t.after(() => access.close());
  return { access, droppedLines: () => dropped, ...recorded };
}

test('a service logs one in 64 reads and writes, as ratecache replay reads them', async (t) => {
  const path = join(folder(t), 'access.ndjson');
  const service = await startService({ standalone: true, env: { ...PATIENT, ACCESS_LOG: path } });
  t.after(() => service.stop());
  const keys = Array.from({ length: 1000 }, (_, i) => `borrow_rate:${i}`);
  const entries = keys.map((key) => ({ key, value: { rate: 0.25 } }));
  assert.equal((await post(service, '/v1/mset', { entries })).status, 200);
  for (let i = 0; i < 4; i++) assert.equal((await post(service, '/v1/mget', { keys })).status, 200);
  assert.equal((await post(service, '/v1/mdelete', { keys })).status, 200);
  await service.stop();
  const { operations, skipped } = await readLog(linesOf(path), { prefix: '' });
  assert.equal(skipped.size, 0);
  const of = (op: string) => operations.filter((operation) => operation.op === op);
  // The distance between two of them is 127 at most.
  assert.ok(of('set').length >= 7 && of('delete').length >= 6 && of('get').length >= 31);
  assert.ok(of('get').length < 500);
  for (const { op, keys: named, bytes } of operations) {
    assert.match(named[0]!, /^borrow_rate:\d+$/);
    assert.equal(bytes, op === 'delete' ? undefined : '{"rate":0.25}'.length);
  }
});

test('a read of an absent key is logged with size 0, and a replay leaves the key absent', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  for (const start of [
    (env: Record<string, string>) => startService({ standalone: true, env: { ...PATIENT, ...env } }),
    (env: Record<string, string>) => startReplica(redis, env),
  ]) {
    const path = join(folder(t), 'access.ndjson');
    const service = await start({ ACCESS_LOG: path });
    t.after(() => service.stop());
    await put(service, 'here:1', '123');
    for (let i = 0; i < 200; i++) {
      await get(service, 'none:1');
      await get(service, 'here:1');
    }
    await service.stop();
    const { operations } = await readLog(linesOf(path), { prefix: '' });
    const reads = operations.filter(({ op }) => op === 'get');
    assert.ok(reads.length > 0);
    for (const { keys, bytes } of reads) assert.equal(bytes, keys[0] === 'none:1' ? 0 : 3);
    const absent = [...expectedData(reads)].filter((line) => line.includes('none:1'));
    assert.deepEqual(absent, []);
  }
});

test('a service without ACCESS_LOG has no line about a request', async (t) => {
  const service = await startService({ standalone: true, env: PATIENT });
  t.after(() => service.stop());
  await put(service, 'x:secret', '1');
  await del(service, 'x:secret');
  await service.stop();
  assert.ok(!JSON.stringify(service.logs).includes('x:secret'));
});

test('a file that was renamed stays as it is, and later lines go to a new file', async (t) => {
  const path = join(folder(t), 'access.ndjson');
  const { access } = accessLog(t, path);
  access.add('get', 'a', 3);
  await access.write();
  renameSync(path, `${path}.1`);
  access.add('delete', 'b');
  await access.write();
  const keyIn = (file: string) => JSON.parse(readFileSync(file, 'utf8')).key;
  assert.deepEqual([keyIn(`${path}.1`), keyIn(path)], ['a', 'b']);
});

test('lines that cannot be written are dropped and counted, and the fault is logged once', async (t) => {
  const { access, lines, droppedLines } = accessLog(t, join(folder(t), 'missing', 'access.ndjson'));
  for (let i = 0; i < 3; i++) {
    access.add('get', 'a');
    access.add('get', 'b');
    await access.write();
  }
  assert.equal(droppedLines(), 6);
  assert.equal(lines.length, 1);
  assert.match(String(lines[0]!.msg), /access log cannot be written/);
});

test('lines that wait take a mebibyte at most', (t) => {
  const { access, droppedLines } = accessLog(t, join(folder(t), 'access.ndjson'));
  const key = 'k'.repeat(1000);
  for (let i = 0; i < 2000; i++) access.add('get', key);
  assert.ok(droppedLines() > 900 && droppedLines() < 1100, `${droppedLines()}`);
});

test('a line that a full disk cut does not damage the next one', async (t) => {
  const path = join(folder(t), 'access.ndjson');
  symlinkSync('/dev/full', path);
  const { access, droppedLines } = accessLog(t, path);
  access.add('get', 'a');
  await access.write();
  assert.equal(droppedLines(), 1);
  rmSync(path);
  writeFileSync(path, '{"time":"2026');
  access.add('get', 'b');
  access.add('get', 'c');
  await access.write();
  access.add('get', 'd');
  await access.write();
  const { operations, skipped } = await readLog(linesOf(path), { prefix: '' });
  assert.deepEqual(
    operations.map(({ keys }) => keys[0]),
    ['b', 'c', 'd'],
  );
  assert.equal(skipped.size, 1, 'the part of a line');
});

test('a named pipe that nobody reads loses the lines and holds up nothing; with a reader it receives them', async (t) => {
  const path = join(folder(t), 'access.pipe');
  execFileSync('mkfifo', [path]);
  const { access, lines, droppedLines } = accessLog(t, path);
  access.add('get', 'a');
  await access.write();
  assert.equal(droppedLines(), 1);
  assert.match(String(lines[0]!.error), /ENXIO/);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  t.after(() => closeSync(reader));
  access.add('get', 'b');
  await access.close();
  const buffer = Buffer.alloc(1000);
  assert.match(buffer.toString('utf8', 0, readSync(reader, buffer)), /"key":"b"/);
  assert.equal(droppedLines(), 1);
});
