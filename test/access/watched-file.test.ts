import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { WatchedFile } from '../../src/access/watched-file.ts';
import { directory } from './support.ts';

const NEVER_MS = 2 ** 31 - 1;

/** Watches, and returns a function that waits for the next content. An unreadable file has the code of its error. */
function watching(t: TestContext, path: string, pollMs = NEVER_MS) {
  const contents: string[] = [];
  let wake = () => {};
  const file = new WatchedFile(
    path,
    (read) => {
      try {
        contents.push(read());
      } catch (error) {
        contents.push((error as NodeJS.ErrnoException).code!);
      }
      wake();
    },
    pollMs,
  );
  // Neither the watch nor the poll keeps the process alive.
  const alive = setInterval(() => {}, NEVER_MS);
  t.after(() => {
    clearInterval(alive);
    file.close();
  });
  const until = async (expected: string) => {
    while (contents.at(-1) !== expected)
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
  };
  return { file, contents, until };
}

test('a write in place is reported', async (t) => {
  const path = join(directory(t), 'tokens.json');
  writeFileSync(path, 'old');
  const { file, until } = watching(t, path);
  assert.equal(file.initial, 'old');
  writeFileSync(path, 'new');
  await until('new');
});

test('each atomic replacement is reported', async (t) => {
  const path = join(directory(t), 'tokens.json');
  writeFileSync(path, 'old');
  const { until } = watching(t, path);
  for (const text of ['first', 'second', 'third']) {
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
    await until(text);
  }
});

test('the swap of the link of a Kubernetes volume is reported', async (t) => {
  const volume = directory(t);
  const publish = (version: string) => {
    mkdirSync(join(volume, `..${version}`));
    writeFileSync(join(volume, `..${version}`, 'tokens.json'), version);
    symlinkSync(`..${version}`, join(volume, '..data_tmp'));
    renameSync(join(volume, '..data_tmp'), join(volume, '..data'));
  };
  publish('2026_11_28');
  symlinkSync('..data/tokens.json', join(volume, 'tokens.json'));
  const { until } = watching(t, join(volume, 'tokens.json'));
  publish('2026_11_29');
  await until('2026_11_29');
});

test('polling finds a change that no notification reports', async (t) => {
  const root = directory(t);
  for (const version of ['a', 'b']) {
    mkdirSync(join(root, version));
    writeFileSync(join(root, version, 'tokens.json'), version);
  }
  symlinkSync('a', join(root, 'current'));
  const { until } = watching(t, join(root, 'current', 'tokens.json'), 5);
  symlinkSync('b', join(root, 'next'));
  renameSync(join(root, 'next'), join(root, 'current'));
  await until('b');
});

test('a deleted file is reported once, and so is its return', async (t) => {
  const path = join(directory(t), 'tokens.json');
  writeFileSync(path, 'old');
  const { file, contents, until } = watching(t, path);
  rmSync(path);
  await until('ENOENT');
  file.check();
  file.check();
  writeFileSync(`${path}.new`, 'old');
  renameSync(`${path}.new`, path);
  await until('old');
  assert.deepEqual(contents, ['ENOENT', 'old']);
});

test('an unchanged content is not reported', (t) => {
  const path = join(directory(t), 'tokens.json');
  writeFileSync(path, 'old');
  const { file, contents } = watching(t, path);
  writeFileSync(path, 'old');
  file.check();
  assert.deepEqual(contents, []);
});

test('a file that does not exist at the start is an error', (t) => {
  const path = join(directory(t), 'tokens.json');
  assert.throws(() => new WatchedFile(path, () => {}), { code: 'ENOENT' });
});
