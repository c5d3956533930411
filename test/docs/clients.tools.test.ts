/** The programs of docs/clients.md, in the languages that this machine has. */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { PYTHON, pythonEnv } from '../client/python.ts';
import { fencesOf } from './markdown.ts';

const PAGE = readFileSync(new URL('../../docs/clients.md', import.meta.url), 'utf8');
const CLIENT = new URL('../../src/client/node.ts', import.meta.url).href;
const RATE = '0.25';

/** What runs a file of each language, and the name of the file. */
const LANGUAGES: Readonly<Record<string, readonly [command: string, ...args: string[]]>> = {
  ts: [process.execPath, 'program.ts'],
  sh: ['sh', 'program.sh'],
  python: [PYTHON, 'program.py'],
  go: ['go', 'run', 'program.go'],
  java: ['java', 'Read.java'],
};

let service: Service;
let work: string;

before(async () => {
  work = mkdtempSync(join(tmpdir(), 'ratecache-clients-'));
  service = await startService({ standalone: true, env: { OVERLOAD_LOOP_DELAY_MS: '0' } });
});

after(async () => {
  await service?.stop();
  rmSync(work, { recursive: true });
});

for (const [language, [command, ...args]] of Object.entries(LANGUAGES)) {
  test(`each program of the page prints the rate: ${language}`, async (t) => {
    if (!isHere(command)) return t.skip(`NOT RUN: ${command} is not installed`);
    for (const { text } of programsIn(language)) {
      await writeRate();
      const program = text
        .replaceAll('http://127.0.0.1:8000', service.url)
        .replaceAll('ws://127.0.0.1:8000', `ws://127.0.0.1:${service.port}`)
        .replace("'ratecache-client'", JSON.stringify(CLIENT));
      writeFileSync(join(work, args.at(-1)!), program);
      const { stdout } = await promisify(execFile)(command, args, { cwd: work, env: pythonEnv() });
      assert.ok(stdout.includes(RATE), stdout);
    }
  });
}

/** The programs with the client leave another rate. */
function writeRate(): Promise<Response> {
  return service.fetch('/v1/cache/borrow_rate:GME', {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json' },
    body: `{"rate": ${RATE}}`,
  });
}

/** With the client, and without one. The second program in TypeScript is a declaration. */
function programsIn(language: string) {
  const programs = fencesOf(PAGE).filter((fence) => fence.language === language);
  return language === 'python' ? programs : programs.slice(0, 1);
}

function isHere(command: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${command}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
