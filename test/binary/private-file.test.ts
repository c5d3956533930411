import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { loadFromPrivateFile, temporaryDirectories } from '../../src/binary/private-file.ts';

// More than one piece of the reading back.
const BYTES = Buffer.alloc(200_000, 'native');
const FILE = { name: 'part.node', bytes: BYTES, sha256: createHash('sha256').update(BYTES).digest('hex') };
const OTHER = { ...FILE, sha256: createHash('sha256').update('other').digest('hex') };

function directory(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'ratecache-test-'));
  t.after(() => rmSync(dir, { recursive: true }));
  return dir;
}

test('the file is readable by its owner only while it is loaded, and removed afterwards', (t) => {
  const dir = directory(t);
  let loaded = '';
  loadFromPrivateFile([dir], FILE, (path) => {
    assert.ok(readFileSync(path).equals(BYTES));
    assert.equal(statSync(path).mode & 0o777, 0o500);
    loaded = readlinkSync(path);
    assert.equal(statSync(dirname(loaded)).mode & 0o777, 0o700);
  });
  assert.equal(dirname(dirname(loaded)), dir);
  assert.deepEqual(readdirSync(dir), []);
});

test('a file with the wrong hash is removed and never loaded', (t) => {
  const dir = directory(t);
  const load = () => assert.fail('loaded');
  assert.throws(() => loadFromPrivateFile([dir], OTHER, load), /the written file has the wrong SHA-256/);
  assert.deepEqual(readdirSync(dir), []);
});

test('the next directory is tried when loading fails, and the error lists the reason for each', (t) => {
  const [first, second, third] = [directory(t), directory(t), directory(t)];
  const paths: string[] = [];
  loadFromPrivateFile(['/proc/nowhere', first, second, third], FILE, (path) => {
    paths.push(dirname(dirname(readlinkSync(path))));
    if (paths.length === 1) throw new Error('not from here');
  });
  assert.deepEqual(paths, [first, second]);
  for (const dir of [first, second, third]) assert.deepEqual(readdirSync(dir), []);

  const never = () => {
    throw new Error('not from here');
  };
  assert.throws(() => loadFromPrivateFile(['/proc/nowhere', first], FILE, never), {
    exitCode: 73,
    message: new RegExp(
      `part\\.node .*\\n  /proc/nowhere: ENOENT.*\\n  ${first}: not from here\\nMount a tmpfs .*TMPDIR`,
    ),
  });
});

test('the verified file is loaded even when another file replaces it', (t) => {
  const dir = directory(t);
  loadFromPrivateFile([dir], FILE, (path) => {
    const named = readlinkSync(path);
    renameSync(dirname(named), join(dir, 'aside'));
    mkdirSync(dirname(named));
    writeFileSync(named, 'another');
    assert.ok(readFileSync(path).equals(BYTES));
  });
});

test('the directory of TMPDIR is tried before /tmp and /dev/shm', () => {
  assert.deepEqual(temporaryDirectories({ TMPDIR: '/run/ratecache' }), [
    '/run/ratecache',
    '/tmp',
    '/dev/shm',
  ]);
  assert.deepEqual(temporaryDirectories({ TMPDIR: '' }), ['/tmp', '/dev/shm']);
  assert.deepEqual(temporaryDirectories({}), ['/tmp', '/dev/shm']);
});
