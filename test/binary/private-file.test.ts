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

test('while it is loaded the file is there, for its owner alone; then it is gone', (t) => {
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

test('a file of another hash is never loaded, and is gone', (t) => {
  const dir = directory(t);
  const load = () => assert.fail('loaded');
  assert.throws(() => loadFromPrivateFile([dir], OTHER, load), /the written file has the wrong SHA-256/);
  assert.deepEqual(readdirSync(dir), []);
});

test('where it cannot be loaded the next directory is tried, and the error has the reason for each', (t) => {
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

test('what is loaded is what was verified, though somebody puts another file in its place', (t) => {
  const dir = directory(t);
  loadFromPrivateFile([dir], FILE, (path) => {
    const named = readlinkSync(path);
    renameSync(dirname(named), join(dir, 'aside'));
    mkdirSync(dirname(named));
    writeFileSync(named, 'another');
    assert.ok(readFileSync(path).equals(BYTES));
  });
});

test('what TMPDIR names is tried before /tmp and /dev/shm', () => {
  assert.deepEqual(temporaryDirectories({ TMPDIR: '/run/ratecache' }), [
    '/run/ratecache',
    '/tmp',
    '/dev/shm',
  ]);
  assert.deepEqual(temporaryDirectories({ TMPDIR: '' }), ['/tmp', '/dev/shm']);
  assert.deepEqual(temporaryDirectories({}), ['/tmp', '/dev/shm']);
});
