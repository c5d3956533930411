import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { bundle } from '../../../scripts/build/bundle.ts';

const WATCHER = readFileSync(new URL('kept-in-snapshot.js', import.meta.url), 'utf8');
const INFO = { commit: 'none', addonSha256: 'none' };

/** What is asked for while the modules of the service are loaded, and why it does no harm. */
const HARMLESS: Readonly<Record<string, string>> = {
  'Date.now in node_modules/pino/lib/time.js': 'where nanoseconds count from, which we do not log',
  'process.hrtime in node_modules/pino/lib/time.js': 'the same',
  'os.hostname in node_modules/pino/pino.js': 'of each line, unless `base` is given, as in src/log.ts',
  'process.pid in node_modules/pino/pino.js': 'the same',
  'process.env in node_modules/msgpackr/node-index.js': 'whether to use a native part, which is left out',
  'Date.now in src/cache/entry.ts': 'renewed at the start by src/binary/main.ts',
};

test('no module of the service keeps in the snapshot what belongs to one start', async () => {
  const program = await bundle({ entry: 'src/binary/main.ts', info: INFO, forSnapshot: true });
  assert.deepEqual(await askedFor(program), Object.keys(HARMLESS).sort());
});

test('what a module asks for while it is loaded is noticed', async () => {
  const program = `
    const modules = { 'src/random.ts'() { return Math.random(); }, 'src/now.ts'() { return new Date(); } };
    for (const load of Object.values(modules)) load();
  `;
  assert.deepEqual(await askedFor(program), ['Math.random in src/random.ts', 'new Date in src/now.ts']);
});

test('the bundle is the same in every build', async () => {
  const options = { entry: 'src/binary/main.ts', info: INFO, forSnapshot: true };
  const [one, other] = await Promise.all([bundle(options), bundle(options)]);
  assert.ok(one === other);
});

/** Makes a snapshot of the program. */
async function askedFor(program: string): Promise<string[]> {
  const dir = mkdtempSync(join(tmpdir(), 'ratecache-snapshot-'));
  try {
    writeFileSync(join(dir, 'program.cjs'), WATCHER + program);
    const args = ['--snapshot-blob', 'blob', '--build-snapshot', 'program.cjs'];
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: dir });
    return JSON.parse(stdout) as string[];
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
