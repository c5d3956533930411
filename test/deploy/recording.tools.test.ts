import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { globSync } from 'node:fs';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { ALERTS, documentedMetrics, metricsIn, PROMETHEUS_DIR, RECORDINGS, read } from './rules.ts';

const RUNBOOK_NAMES = [
  ...['cache_hit_rate', 'cache_miss_rate', 'redis_response_time', 'redis_connections', 'redis_memory_usage'],
  ...['local_cache_size', 'request_rate', 'request_latency', 'error_rate'],
];
/** What others than this service tell. */
const FOREIGN = ['up', 'kube_deployment_spec_replicas'];

const run = promisify(execFile);
const promtool = (...args: string[]) => run('promtool', args, { cwd: PROMETHEUS_DIR });

test('promtool accepts the configuration and the rules', async () => {
  const { stdout } = await promtool('check', 'config', '--lint=all', '--lint-fatal', 'prometheus.yml');
  assert.match(stdout, new RegExp(`${RECORDINGS.length} rules found`));
  assert.match(stdout, new RegExp(`${ALERTS.length} rules found`));
});

test('the rules pass their promtool cases', async () => {
  await promtool('test', 'rules', ...globSync('tests/*.yml', { cwd: PROMETHEUS_DIR }));
});

test('each key metric of the runbook is recorded under its name, and each rule has a promtool case', () => {
  const names = RECORDINGS.map(({ record }) => record);
  for (const name of RUNBOOK_NAMES) assert.ok(names.includes(name), name);
  assert.equal(new Set(names).size, names.length);
  const { tests } = parse(read('tests/recording.yml')) as {
    tests: { promql_expr_test: { expr: string; exp_samples: unknown[] }[] }[];
  };
  const tried = tests
    .flatMap(({ promql_expr_test }) => promql_expr_test)
    .filter(({ exp_samples }) => exp_samples.length > 0)
    .map(({ expr }) => /[a-z]+_[a-z_]+/.exec(expr)![0]);
  assert.deepEqual([...new Set(tried)].sort(), [...names].sort());
});

test('the rules use only metrics that the service exports', () => {
  const documented = documentedMetrics();
  const recorded = RECORDINGS.map(({ record }) => record);
  const asked = [...RECORDINGS, ...ALERTS].flatMap(({ expr }) => metricsIn(expr));
  assert.ok(asked.length > 30);
  assert.deepEqual(
    asked.filter((name) => ![...documented, ...recorded, ...FOREIGN].includes(name)),
    [],
  );
});
