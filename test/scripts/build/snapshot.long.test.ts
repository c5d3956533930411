import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { bundlesForSnapshot } from '../../../scripts/build/bundle.ts';

const WATCHER = readFileSync(new URL('kept-in-snapshot.js', import.meta.url), 'utf8');
const INFO = { commit: 'none', addons: {} };

/** What is asked for while the modules of the service are loaded, and why it does no harm. */
const HARMLESS: Readonly<Record<string, string>> = {
  'Date.now in node_modules/pino/lib/time.js': 'where nanoseconds count from, which we do not log',
  'process.hrtime in node_modules/pino/lib/time.js': 'the same',
  'os.hostname in node_modules/pino/pino.js': 'of each line, unless `base` is given, as in src/log.ts',
  'process.pid in node_modules/pino/pino.js': 'the same',
  'process.env in node_modules/msgpackr/node-index.js': 'whether to use a native part, which is left out',
  'Date.now in src/cache/entry.ts': 'renewed at the start by src/binary/main.ts',
};

test('no module of the service stores values of a single start in the snapshot', async () => {
  const { program } = await bundlesForSnapshot(INFO);
  assert.deepEqual(await askedFor(program.text), Object.keys(HARMLESS).sort());
});

/** Packages that only the load tests or a terminal need. */
const OF_TOOLS = ['cli-progress', 'cli-table3', 'hdr-histogram-js', 'junit-report-builder', 'uplot'];

test('the snapshot has no code of the load tests, and no package that only they or a terminal need', async () => {
  const { program, tools } = await bundlesForSnapshot(INFO);
  const ofTools = (file: string) =>
    file.startsWith('loadtest/') || OF_TOOLS.some((name) => file.startsWith(`node_modules/${name}/`));
  assert.deepEqual(program.files.filter(ofTools), []);
  assert.ok(program.files.includes('src/service/serve.ts'));
  // The browser loads uplot from a report, so it is a separate asset.
  for (const name of OF_TOOLS.filter((each) => each !== 'uplot'))
    assert.ok(
      tools.files.some((file) => file.startsWith(`node_modules/${name}/`)),
      name,
    );
  assert.ok(tools.files.includes('loadtest/run.ts'));
});

test('the watcher reports random numbers and times that a module reads while it loads', async () => {
  const program = `
    const modules = { 'src/random.ts'() { return Math.random(); }, 'src/now.ts'() { return new Date(); } };
    for (const load of Object.values(modules)) load();
  `;
  assert.deepEqual(await askedFor(program), ['Math.random in src/random.ts', 'new Date in src/now.ts']);
});

test('the bundle is the same in every build', async () => {
  const [one, other] = await Promise.all([bundlesForSnapshot(INFO), bundlesForSnapshot(INFO)]);
  assert.deepEqual(one, other);
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
