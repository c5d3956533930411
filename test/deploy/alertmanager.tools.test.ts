import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { until } from '../../loadtest/support/until.ts';
import { ALERTMANAGER_DIR, startAlertmanager } from './alertmanager.ts';
import { ALERTS, type Alert } from './rules.ts';

const CONFIG = fileURLToPath(new URL('alertmanager.yml', ALERTMANAGER_DIR));
const run = promisify(execFile);

type Labels = Record<string, string>;

test('amtool accepts the configuration', async () => {
  const { stdout } = await run('amtool', ['check-config', CONFIG]);
  assert.match(stdout, /SUCCESS[\s\S]*2 receivers/);
});

test('each alert goes to its channels, and an alert without channels goes to Slack', async () => {
  const receivers = async (labels: Labels) => {
    const args = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
    const { stdout } = await run('amtool', ['config', 'routes', 'test', `--config.file=${CONFIG}`, ...args]);
    return stdout.trim();
  };
  const found = await Promise.all(
    ALERTS.map((alert) => receivers({ alertname: alert.alert, ...alert.labels })),
  );
  assert.deepEqual(
    found,
    ALERTS.map(({ labels }) => labels.channels),
  );
  assert.equal(await receivers({ alertname: 'SomethingElse' }), 'slack');
});

test('secrets are in files, and the configuration holds none', () => {
  const { receivers } = parse(readFileSync(CONFIG, 'utf8')) as { receivers: Record<string, object[]>[] };
  const [pagerduty, slack] = receivers;
  assert.ok('routing_key_file' in pagerduty!.pagerduty_configs![0]!);
  assert.ok('api_url_file' in slack!.slack_configs![0]!);
  assert.doesNotMatch(readFileSync(CONFIG, 'utf8'), /routing_key:|service_key:|api_url:/);
});

/** What holds back what, of the same instance or of the whole installation. */
const INHIBITIONS = [
  {
    source: 'CacheServiceDown',
    ofInstance: [],
    ofAll: ['CacheServiceHighLatency', 'CacheServiceMetricsAbsent', 'HighCacheMissRate'],
  },
  {
    source: 'RedisConnectionFailed',
    ofInstance: ['CacheBreakerOpen', 'CacheCoherenceLost', 'CachePendingWritesStuck', 'RedisMetricsAbsent'],
    ofAll: ['HighCacheMissRate', 'RedisHighResponseTime'],
  },
];

test('a firing alert inhibits only its consequences, and only in its own namespace', async (t) => {
  const alertmanager = await startAlertmanager();
  t.after(() => alertmanager.stop());
  const sources = INHIBITIONS.map(({ source }) => source);
  const others = ALERTS.filter(({ alert }) => !sources.includes(alert));
  for (const { source } of INHIBITIONS) {
    // Each source has its own job, so they do not affect each other.
    const of = (alert: Alert, namespace: string, instance: string) => ({
      ...{ alertname: alert.alert, job: source, namespace, instance },
      ...alert.labels,
    });
    await send(alertmanager.url, [
      of(ALERTS.find(({ alert }) => alert === source)!, 'here', 'a'),
      ...others.flatMap((alert) => [of(alert, 'here', 'a'), of(alert, 'here', 'b'), of(alert, 'there', 'a')]),
    ]);
  }
  await until(async () => {
    const alerts = await alertsOf(alertmanager.url);
    for (const { source, ofInstance, ofAll } of INHIBITIONS) {
      const suppressed = (namespace: string, instance: string) =>
        alerts
          .filter(({ labels, status }) => labels.job === source && status.state === 'suppressed')
          .filter(({ labels }) => labels.namespace === namespace && labels.instance === instance)
          .map(({ labels }) => labels.alertname);
      assert.deepEqual(suppressed('here', 'a').sort(), [...ofInstance, ...ofAll].sort());
      assert.deepEqual(suppressed('here', 'b').sort(), ofAll);
      // An absent metric has no namespace, so it goes with its job.
      const absent = ofAll.filter((name) => name === 'CacheServiceMetricsAbsent');
      assert.deepEqual(suppressed('there', 'a'), absent);
    }
    return true;
  });
});

async function send(url: string, alerts: Labels[]): Promise<void> {
  const response = await fetch(`${url}/api/v2/alerts`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(alerts.map((labels) => ({ labels }))),
  });
  assert.equal(response.status, 200, await response.text());
}

async function alertsOf(url: string): Promise<{ labels: Labels; status: { state: string } }[]> {
  const response = await fetch(`${url}/api/v2/alerts`);
  return (await response.json()) as { labels: Labels; status: { state: string } }[];
}
