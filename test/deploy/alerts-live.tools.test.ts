import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import type { Operated } from '../support/processes.ts';
import { type Alertmanager, startAlertmanager } from './alertmanager.ts';
import { fill, type Installation, startHealthy, startPaired, startSmall } from './lab.ts';
import { healthyLoad } from './load.ts';
import { panelQueries } from './panel-queries.ts';
import { type Prometheus, startPrometheus } from './prometheus.ts';
import { ALERTS } from './rules.ts';

// A real Prometheus with the shipped rules scrapes real services and notifies a real Alertmanager. What fires when is
// for alert-faults.tools.test.ts: here an alert that lasts is waited for.

const PATIENCE = { timeoutMs: 120_000, everyMs: 100 };

const ends: (() => unknown)[] = [];
const whole = { after: (end: () => unknown) => void ends.push(end) };

let healthy: Installation;
let small: Installation;
let paired: Operated;
let alertmanager: Alertmanager;
let prometheus: Prometheus;

before(async () => {
  [healthy, small, paired, alertmanager] = await Promise.all([
    startHealthy(whole),
    startSmall(whole),
    startPaired(whole),
    startAlertmanager(),
  ]);
  whole.after(() => alertmanager.stop());
  const targets = Object.entries({ healthy, small }).flatMap(([namespace, { services }]) =>
    services.map(({ port }) => ({ namespace, port })),
  );
  targets.push({ namespace: 'paired', port: paired.opsPort });
  prometheus = await startPrometheus(targets, alertmanager.url);
  whole.after(() => prometheus.stop());
});

after(async () => {
  await Promise.allSettled(ends.map((end) => end()));
});

test('every panel of the dashboard has data under load', async (t) => {
  const stop = await healthyLoad(healthy.services);
  t.after(stop);
  const queries = panelQueries({ namespace: 'healthy|paired', instance: '.+', rateInterval: '1m' });
  assert.ok(queries.length > 90, String(queries.length));
  // The services of this test have no certificate.
  for (const { panel, expr } of queries.filter((query) => !query.expr.includes('_tls_')))
    await until(async () => {
      const samples = await prometheus.query(expr);
      if (samples.some(({ value }) => !Number.isNaN(value))) return true;
      throw new Error(`${panel} has no data: ${expr}`);
    }, PATIENCE);
});

test('a down instance is reported to PagerDuty and Slack, with a link to the runbook', async () => {
  const [killed] = healthy.services;
  killed!.kill('SIGKILL');
  await until(
    () => reported('pagerduty', 'CacheServiceDown') && reported('slack', 'CacheServiceDown'),
    PATIENCE,
  );
  const title = '[FIRING: 1] Instances of the cache service are down (healthy)';
  // A scrape that failed on a busy machine may have been reported before, of the other instance.
  const down = await until(
    () =>
      alertmanager.messages
        .filter(({ channel }) => channel === 'slack')
        .map(({ text }) => JSON.parse(text).attachments[0])
        .find((each) => each.title === title && each.text.includes(`127.0.0.1:${killed!.port}.`)),
    PATIENCE,
  );
  assert.equal(
    down.text,
    `1 of 2 instances answer; these do not: 127.0.0.1:${killed!.port}.\nRespond within 5m.`,
  );
  assert.equal(down.color, 'danger');
});

test('a warning is reported to Slack alone', async () => {
  await fill(small);
  await until(() => reported('slack', 'RedisHighMemoryUsage'), PATIENCE);
  assert.ok(!reported('pagerduty', 'RedisHighMemoryUsage'));
});

test('Prometheus fires the alert for absent metrics when every instance is down', async () => {
  for (const service of [...healthy.services, ...small.services, paired]) service.kill('SIGKILL');
  const alert = 'ALERTS{alertname="CacheServiceMetricsAbsent", alertstate="firing"}';
  await until(async () => (await prometheus.query(alert)).length > 0, PATIENCE);
});

/** Whether the channel has a message of the alert, with the address of its section in the runbook. */
function reported(where: string, alert: string): boolean {
  const { runbook_url } = ALERTS.find((each) => each.alert === alert)!.annotations;
  const section = `https://docs.example.com/ratecache/${runbook_url}`;
  return alertmanager.messages.some(({ channel, text }) => channel === where && text.includes(section));
}
