/** What `make client` does, with the Makefile of the project and stand-ins for the programs that it starts. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';

const ROOT = new URL('../../', import.meta.url);
const PACKAGE = 'dist/npm/ratecache-client-1.2.3.tgz';

/** A project in which installing and building only write a line into a log. */
function project(t: TestContext) {
  const root = mkdtempSync(join(tmpdir(), 'ratecache-make-'));
  t.after(() => rmSync(root, { recursive: true }));
  const write = (path: string, text: string, mode = 0o644) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text, { mode });
  };
  /** Sets the time of a file, in seconds since 1970: make compares these times. */
  const age = (path: string, seconds: number) => utimesSync(join(root, path), seconds, seconds);
  cpSync(new URL('Makefile', ROOT), join(root, 'Makefile'));
  write(
    'scripts/set-up.sh',
    '#!/bin/sh\necho "set-up $1" >>log\nmkdir -p node_modules\ntouch node_modules/.$1\n',
    0o755,
  );
  write(
    'node_modules/.bin/node',
    `#!/bin/sh\necho "node $*" >>log\nmkdir -p dist/npm\ntouch ${PACKAGE}\n`,
    0o755,
  );
  write('package.json', '{\n  "name": "ratecache",\n  "version": "1.2.3",\n  "type": "module"\n}\n');
  const inputs = [
    'package-lock.json',
    'tsconfig.json',
    'LICENSE',
    'docs/clients.md',
    'src/client/node.ts',
    'scripts/client/main.ts',
  ];
  for (const path of inputs) write(path, '');
  for (const path of [...inputs, 'package.json']) age(path, 1000);
  return {
    age,
    has: (path: string) => existsSync(join(root, path)),
    /** Runs `make client`. @returns what was started, and what was printed */
    make: () => {
      rmSync(join(root, 'log'), { force: true });
      // Without the variables of the `make test` that may run this test.
      const env = { PATH: process.env.PATH };
      const printed = execFileSync('make', ['client'], { cwd: root, encoding: 'utf8', env });
      return {
        started: existsSync(join(root, 'log'))
          ? readFileSync(join(root, 'log'), 'utf8').trim().split('\n')
          : [],
        printed,
      };
    },
    root,
  };
}

const BUILD = 'node scripts/client/main.ts';

test('make client installs and builds once, and names the package each time', (t) => {
  const made = project(t);
  const first = made.make();
  assert.deepEqual(first.started, ['set-up all', BUILD]);
  assert.ok(made.has(PACKAGE));
  const second = made.make();
  assert.deepEqual(second.started, []);
  for (const { printed } of [first, second])
    assert.equal(printed, `${made.root}/${PACKAGE}: install it with npm install ${made.root}/${PACKAGE}\n`);
});

test('make client builds again after a change of a source, and installs nothing', (t) => {
  const made = project(t);
  made.make();
  for (const path of ['src/client/node.ts', 'scripts/client/main.ts', 'docs/clients.md', 'package.json']) {
    made.age('node_modules/.all', 2000);
    made.age(PACKAGE, 3000);
    made.age(path, 4000);
    assert.deepEqual(made.make().started, [BUILD], path);
  }
});

test('make client installs and builds again after a change of the packages', (t) => {
  const made = project(t);
  made.make();
  made.age('node_modules/.all', 2000);
  made.age(PACKAGE, 3000);
  assert.deepEqual(made.make().started, []);
  made.age('package-lock.json', 4000);
  assert.deepEqual(made.make().started, ['set-up all', BUILD]);
});
