/** The package as its users install it. It needs npm and Chromium, and the npm registry for versions of Node. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { PATIENT } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { packClient } from '../../scripts/client/pack.ts';
import { resultOfPage } from '../support/page-result.ts';

const run = promisify(execFile);

/** The versions of Node that the package supports. */
const MAJORS = [20, 22, 24];
/** Where this machine may have Node. Other versions come from the npm registry. */
const NODES = [process.execPath, '/usr/bin/node', '/usr/local/bin/node'].filter(existsSync);

/** Reads, writes and follows a key in both encodings, and prints what it saw. */
const program = (url: string, load: string) => `
  ${load}
  async function main() {
    const seen = [];
    for (const codec of [undefined, msgpack]) {
      const rates = await connect(${JSON.stringify(url)}, {
        nearCache: { maxEntries: 100 },
        timeoutMs: 30_000,
        connectTimeoutMs: 30_000,
        ...(codec && { codec }),
      });
      await rates.set('borrow_rate:GME', { rate: 0.25 });
      seen.push((await rates.get('borrow_rate:GME')).value.rate);
      const changed = new Promise((resolve) => rates.subscribe({ types: ['borrow_rate'] }, resolve, { initial: true }));
      seen.push((await changed).key);
      while (rates.peek('borrow_rate:GME') === undefined) {
        await rates.get('borrow_rate:GME');
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      seen.push(rates.peek('borrow_rate:GME').tier);
      await rates.close();
    }
    return seen.join();
  }
`;
const EXPECTED = [0.25, 'borrow_rate:GME', 'near-cache', 0.25, 'borrow_rate:GME', 'near-cache'].join();

let work: string;
let service: Service;
let address: string;

before(async () => {
  work = mkdtempSync(join(tmpdir(), 'ratecache-project-'));
  service = await startService({ standalone: true, env: { ...PATIENT, WS_ALLOWED_ORIGINS: '*' } });
  address = `ws://127.0.0.1:${service.port}`;
  const tarball = await packClient(pathToFileURL(`${work}/`));
  writeFileSync(join(work, 'package.json'), '{}');
  await run('npm', ['install', '--offline', '--no-audit', '--no-fund', tarball], { cwd: work });
});

after(async () => {
  await service?.stop();
  rmSync(work, { recursive: true });
});

for (const major of MAJORS) {
  test(`the package works in an empty project with Node ${major}`, async (t) => {
    const node = await nodeOf(major);
    if (node === undefined) return t.skip(`NOT RUN: Node ${major} is not here, and npm cannot install it`);
    const modules = {
      'program.mjs':
        "import { connect } from 'ratecache-client'; import { msgpack } from 'ratecache-client/msgpack';",
      'program.cjs':
        "const { connect } = require('ratecache-client'), { msgpack } = require('ratecache-client/msgpack');",
    };
    for (const [name, load] of Object.entries(modules)) {
      writeFileSync(join(work, name), `${program(address, load)}; main().then(console.log);`);
      const { stdout }: { stdout: string } = await run(node, [name], { cwd: work });
      assert.equal(stdout.trim(), EXPECTED, name);
    }
  });
}

async function versionOf(node: string): Promise<string> {
  return (await run(node, ['--version'])).stdout;
}

/** Returns the path of a Node of this version; undefined where neither the machine nor the npm registry has one. */
async function nodeOf(major: number): Promise<string | undefined> {
  for (const node of NODES) if ((await versionOf(node)).startsWith(`v${major}.`)) return node;
  const name = `node-${process.platform}-${process.arch}`;
  const prefix = join(work, `node-${major}`);
  const options = ['--no-audit', '--no-fund', '--ignore-scripts', '--prefix', prefix];
  try {
    await run('npm', ['install', ...options, `${name}@${major}`]);
  } catch {
    return undefined;
  }
  const node: string = join(prefix, 'node_modules', name, 'bin', 'node');
  const version = await versionOf(node);
  assert.ok(version.startsWith(`v${major}.`), version);
  return node;
}

test('the types know the values of the data types, and of those that a program registers', async () => {
  writeFileSync(
    join(work, 'typed.mts'),
    `import { connect, RatecacheError } from 'ratecache-client';
    import { msgpack } from 'ratecache-client/msgpack';
    declare module 'ratecache-client' {
      interface DataTypes { locate_fee: { readonly fee: number } }
    }
    const rates = await connect(['ws://a', 'ws://b'], { codec: msgpack, nearCache: { maxEntries: 10 } });
    const rate: number | undefined = rates.peek('borrow_rate:GME')?.value?.rate;
    const fee: number | undefined = (await rates.get('locate_fee:GME')).value?.fee;
    const [risk, minimum] = await rates.getMany(['event_risk:GME', 'min_rate:GME']);
    const both: (number | undefined)[] = [rate, fee, risk.value?.risk, minimum.value];
    // @ts-expect-error: a fee is not a text
    await rates.set('locate_fee:GME', { fee: 'high' });
    for await (const change of rates.changes<number>({ types: ['min_rate'] }))
      if (change.kind === 'update') both.push(change.value);
    throw new RatecacheError('timeout', String(both));\n`,
  );
  const options = [
    '--strict',
    '--noEmit',
    '--module',
    'nodenext',
    '--target',
    'es2022',
    '--lib',
    'es2022,dom',
  ];
  const { stdout } = await run('tsc', [...options, 'typed.mts'], { cwd: work }).catch((error) => error);
  assert.equal(stdout, '');
});

test('the package works in Chromium', async (t) => {
  const { outputFiles } = await build({
    stdin: {
      contents: `${program(
        address,
        "import { connect } from 'ratecache-client'; import { msgpack } from 'ratecache-client/msgpack';",
      )}
      main().catch(String).then((body) => fetch('/seen', { method: 'POST', body }));`,
      resolveDir: work,
    },
    bundle: true,
    format: 'esm',
    write: false,
  });
  const seen = await resultOfPage(t, {
    '/': '<script type=module src=/program.js></script>',
    '/program.js': outputFiles[0]!.text,
  });
  assert.equal(seen, EXPECTED);
});
