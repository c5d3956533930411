import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { medianOf, ratioOf, validOf } from '../../../bench/compare/figures.ts';
import type { Report } from '../../../bench/compare/report.ts';

const MAIN = fileURLToPath(new URL('../../../bench/compare/main.ts', import.meta.url));

test('ratecache and bare uWS are measured beside one another, with answers as long as each other’s', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'ratecache-peers-test-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const json = join(dir, 'report.json');
  const options = ['--only', 'get-16', 'bare-uws', '--rounds', '1', '--seconds', '0.3', '--json', json];
  const { code, output } = await run(...options);
  assert.equal(code, 0, output);
  assert.match(output, /ratecache/);
  const { rows } = JSON.parse(await readFile(json, 'utf8')) as Report;
  assert.deepEqual(
    rows.map(({ name }) => name),
    ['get-16'],
  );
  const [ours, bare] = rows[0]!.contestants;
  assert.deepEqual([ours!.name, bare!.name], ['ratecache', 'bare-uws']);
  for (const contestant of [ours!, bare!]) {
    assert.equal(validOf(contestant).length, 1, JSON.stringify(contestant));
    assert.ok(medianOf(contestant, 'perSecond')! > 1000);
    assert.ok(medianOf(contestant, 'cpuUs')! > 0.1);
  }
  const bytes = ratioOf(ours!, bare!, 'bytesPerAnswer')!;
  assert.ok(Math.abs(bytes - 1) < 0.01, `answers are ${bytes} times as long`);
});

test('what is no part of the comparison is exit code 2', async () => {
  assert.equal((await run('--only', 'no-such-server')).code, 2);
  assert.equal((await run('--only', 'put', '--record')).code, 2);
  for (const faulty of [['--rounds', '1.5'], ['--seconds', 'long'], ['--no-such-flag']]) {
    const { code, output } = await run(...faulty);
    assert.equal(code, 2);
    assert.match(output, new RegExp(`^error: .*${faulty[0]}`));
  }
  assert.equal((await run('--help')).code, 0);
});

async function run(...args: string[]): Promise<{ code: number; output: string }> {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += chunk;
    });
  const [code] = await once(child, 'close');
  return { code, output };
}
