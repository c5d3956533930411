import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { startRedis } from '../../loadtest/target/redis-server.ts';
import { startReplica } from '../../loadtest/target/replicas.ts';
import { fencesOf } from './markdown.ts';

/** In the order in which their examples run. */
const API_PAGES = [
  'api',
  'api/origin',
  'api/terms',
  'api/quality',
  'api/batches',
  'api/operations',
  'api/probes',
  'api/errors',
];
const API = API_PAGES.map((name) =>
  readFileSync(new URL(`../../docs/${name}.md`, import.meta.url), 'utf8'),
).join('\n');

/** What every example of the documents calls the service. */
const DOCUMENTED_URL = 'http://127.0.0.1:8000';

// So that the examples run as written: with the status of each answer as their output, and nothing else.
const CURL = `curl() {
  command curl --silent --show-error --max-time 60 --output /dev/null --write-out '%{http_code}\\n' "$@"
}`;

test('the examples of the API pages get the documented status', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const service = await startReplica(redis);
  t.after(() => service.stop());
  const blocks = fencesOf(API)
    .filter(({ language }) => language === 'sh')
    .map(({ text }) => text);
  const commands = blocks.flatMap((block) => block.match(/^curl /gm) ?? []);
  const promised = blocks.flatMap(statusesIn);
  assert.ok(commands.length > 20);
  assert.equal(promised.length, commands.length, 'a command without its status');
  const script = [CURL, ...blocks].join('\n').replaceAll(DOCUMENTED_URL, service.url);
  const { stdout } = await promisify(execFile)('sh', ['-eu', '-c', script], { timeout: 120_000 });
  const answered = stdout.trim().split('\n');
  assert.deepEqual(answered, promised);
});

function statusesIn(block: string): string[] {
  return [...block.matchAll(/^# (\d{3})$/gm)].map(([, status]) => status!);
}
