import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { CpuProfile } from '../../../bench/profile/inspector.ts';
import { withTables } from '../../../bench/profile/record.ts';
import type { RowProfile } from '../../../bench/profile/run-row.ts';
import { PROFILE } from './made-up.ts';

const MAIN = fileURLToPath(new URL('../../../bench/profile/main.ts', import.meta.url));

test('a real server is profiled under the load of a row, and its profile is kept', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'ratecache-profile-test-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const { stdout } = await run('get-16', '--seconds', '0.5', '--keep', dir);
  assert.match(
    stdout,
    /^GET, L1 hit, 16 deep\. [\d,]+ requests, [\d.]+ µs of CPU each, of which .* in the kernel/m,
  );
  assert.match(stdout, /uWS, libuv and the kernel, outside of functions/);
  // The handler of a hit, with what V8 has inlined into it.
  assert.match(stdout, /src\/http\/read\.ts:\d+ +│ +[1-9]/);
  const kept = JSON.parse(await readFile(join(dir, 'get-16.cpuprofile'), 'utf8')) as CpuProfile;
  assert.ok(kept.endTime - kept.startTime > 400_000);
});

test('what is no row is exit code 2, and so is recording a part', async () => {
  await assert.rejects(run('no-such-row'), { code: 2, stderr: /no row named no-such-row/ });
  await assert.rejects(run('put', '--record'), { code: 2 });
});

test('the tables replace what stands between the marks of the document, and nothing else', () => {
  const profile: RowProfile = {
    ...{
      name: 'get',
      title: 'GET',
      requests: 12_000,
      cpuUs: 10,
      kernelUs: 4,
      plainUs: 9,
      besideUs: 0,
      waited: 0,
    },
    groups: [
      { what: 'src/http', us: 9.99 },
      { what: 'next to nothing', us: 0.01 },
    ],
    functions: [{ what: 'get, src/http/read.ts:10', us: 2.5 }],
    profile: PROFILE,
  };
  const document = 'Before.\n<!-- profiles: written -->\nold\n<!-- /profiles -->\nAfter.\n';
  assert.equal(
    withTables(document, 'Today.', [profile]),
    `Before.
<!-- profiles: written -->

Today.

### GET

12,000 requests, 10 µs of CPU each, of which 4 (40 %) in the kernel; 9 µs without the profile.

| where the time goes | % | µs |
|---|--:|--:|
| src/http | 99.9 | 9.99 |

| function | % | µs |
|---|--:|--:|
| get, src/http/read.ts:10 | 25.0 | 2.50 |

<!-- /profiles -->
After.
`,
  );
});

async function run(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  return promisify(execFile)(process.execPath, [MAIN, ...args]);
}
