import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parse } from 'yaml';
import { startRedis } from '../../loadtest/target/redis-server.ts';
import { startReplica } from '../../loadtest/target/replicas.ts';
import { runMain } from '../../loadtest/target/run-main.ts';
import { put } from '../support/client.ts';
import { codesOf, sectionOf } from './markdown.ts';
import { textOf } from './pages.ts';

const read = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
const RUNBOOK = textOf('runbook');

test('log and check show the documented lines when a running Redis stops', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const service = await startReplica(redis);
  t.after(() => service.stop('SIGKILL'));
  const lines = codesOf(sectionOf(RUNBOOK, 'RedisConnectionFailed')).filter((code) =>
    code.startsWith('Redis connection '),
  );
  assert.equal(lines.length, 2);
  await redis.cli('SHUTDOWN', 'NOSAVE').catch(() => {});
  const { level, msg, connection } = await service.waitForLog(
    ({ msg, level }) => lines.includes(msg ?? '') && level === 'error',
  );
  assert.match(String(connection), /^(data|admin|link)$/, `${level} ${msg}`);
  const { groups } = parse(read('deploy/prometheus/alerts.yml'));
  const alert = groups[0].rules.find((rule: { alert: string }) => rule.alert === 'RedisConnectionFailed');
  assert.ok(lines.every((line) => alert.annotations.description.includes(`"${line.split(';')[0]}"`)));

  assert.equal((await put(service, 'runbook:A', '1')).status, 202);
  const { code, stdout } = await runMain(['check', '--url', service.url]);
  assert.equal(code, 0);
  assert.match(stdout, /^degraded: Redis is unreachable: .*ECONNREFUSED.*, 1 pending writes\n$/);
});
