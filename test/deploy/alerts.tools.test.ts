import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parse } from 'yaml';
import { FACTOR, hasten } from './hastened.ts';
import { ALERTS, PROMETHEUS_DIR, read } from './rules.ts';

const document = (name: string) => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');

/** Table 5.1 of the runbook. An alert without a duration has none, except the first: alerts.yml explains why. */
const RUNBOOK = [
  ['CacheServiceDown', 'instance_count < instance_count_desired', '1m', 'critical', '5m'],
  [
    'RedisConnectionFailed',
    /redis_error_total\{.*reason="connection"\}\[5m\].* > 3$/,
    undefined,
    'critical',
    '5m',
  ],
  ['HighCacheMissRate', 'cache_miss_rate{instance=""} > 20', '15m', 'warning', '30m'],
  ['RedisHighMemoryUsage', 'redis_memory_usage > 85', undefined, 'warning', '30m'],
  ['CacheServiceHighLatency', 'request_latency{instance=""} > 100', '10m', 'warning', '30m'],
  ['CacheServiceErrorRate', 'error_rate{instance=""} > 5', '5m', 'critical', '15m'],
] as const;

test('the six alerts of the runbook have its triggers, severities, response times and channels', () => {
  for (const [name, trigger, wait, severity, responseTime] of RUNBOOK) {
    const alert = ALERTS.find((each) => each.alert === name)!;
    if (typeof trigger === 'string') assert.equal(alert.expr, trigger);
    else assert.match(alert.expr.trim(), trigger);
    assert.equal(alert.for, wait, name);
    assert.equal(alert.labels.severity, severity, name);
    assert.equal(alert.labels.response_time, responseTime, name);
  }
});

test('each alert has a severity, a channel, a response time, a description with the value, and a link to the runbook', () => {
  assert.equal(new Set(ALERTS.map(({ alert }) => alert)).size, ALERTS.length);
  for (const { alert, labels, annotations } of ALERTS) {
    assert.deepEqual(Object.keys(labels), ['severity', 'channels', 'response_time'], alert);
    assert.deepEqual(Object.keys(annotations), ['summary', 'description', 'runbook_url'], alert);
    assert.equal(labels.channels, labels.severity === 'critical' ? 'pagerduty,slack' : 'slack', alert);
    const [file, anchor] = annotations.runbook_url.split('#');
    assert.match(file!, /^docs\/runbook\/[a-z-]+\.md$/);
    assert.equal(anchor, alert.toLowerCase());
    const page = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
    assert.match(page, new RegExp(`^#+ ${alert}$`, 'm'), `no heading for ${alert} in ${file}`);
    // An absent metric has no value, and whose it is not.
    if (!alert.endsWith('Absent')) assert.match(annotations.description, /\$value|\$labels/, alert);
  }
});

test('docs/monitoring.md lists each shipped alert', () => {
  const rows = [
    ...document('monitoring.md').matchAll(
      /^\| \[([A-Za-z]+)\]\((.*?)\) \| (.*) \| (.*) \| (.*) \| (.*) \|$/gm,
    ),
  ];
  assert.deepEqual(
    rows.map(([, ...cells]) => cells),
    ALERTS.map(({ alert, expr, for: wait = '', labels, annotations }) => [
      alert,
      annotations.runbook_url.replace(/^docs\//, ''),
      `\`${expr.trim().replaceAll(/\s+/g, ' ').replaceAll('|', '\\|')}\``,
      wait,
      labels.severity,
      labels.response_time,
    ]),
  );
});

type Case = { alertname: string; exp_alerts?: unknown[] };

test('each alert has a promtool case that fires and one that does not', () => {
  const cases = globSync('tests/*.yml', { cwd: PROMETHEUS_DIR })
    .flatMap((file) => (parse(read(file)) as { tests: { alert_rule_test?: Case[] }[] }).tests)
    .flatMap((each) => each.alert_rule_test ?? []);
  for (const { alert } of ALERTS) {
    const own = cases.filter(({ alertname }) => alertname === alert);
    assert.ok(
      own.some(({ exp_alerts = [] }) => exp_alerts.length > 0),
      `${alert} never fires`,
    );
    assert.ok(
      own.some(({ exp_alerts = [] }) => exp_alerts.length === 0),
      `${alert} always fires`,
    );
  }
});

// So that the cases lie on both sides of each threshold and of each time: a step to either side fails them.
for (const [what, change, changed] of [
  [
    'a threshold is a hair nearer',
    (text: string) =>
      text
        .replace(/ > \d+$/gm, '$& - 0.01')
        .replace(/ < \w+$/gm, '$& + 0.01')
        .replace(/ == 1$/gm, ' > 0 - 0.01'),
    (alert: string) => !alert.endsWith('Absent'),
  ],
  [
    'alerts wait 15 s longer',
    (text: string) => text.replace(/(?<=^ +for: )(\d+)m$/gm, (_, minutes) => `${minutes}m15s`),
    waits,
  ],
  [
    'alerts wait 15 s less',
    (text: string) => text.replace(/(?<=^ +for: )(\d+)m$/gm, (_, minutes) => `${Number(minutes) * 60 - 15}s`),
    waits,
  ],
] as const) {
  test(`promtool's cases find out when ${what}`, async (t) => {
    const found = await failingAlerts(t, change(read('alerts.yml')));
    assert.deepEqual(
      found,
      ALERTS.map(({ alert }) => alert)
        .filter(changed)
        .sort(),
    );
  });
}

function waits(name: string): boolean {
  return ALERTS.find(({ alert }) => alert === name)!.for !== undefined;
}

/** The alerts whose cases fail with these rules in place of the shipped ones. */
async function failingAlerts(t: TestContext, alerts: string): Promise<string[]> {
  const dir = await mkdtemp(join(tmpdir(), 'ratecache-rules-'));
  t.after(() => rm(dir, { recursive: true }));
  await cp(PROMETHEUS_DIR, dir, { recursive: true });
  await writeFile(join(dir, 'alerts.yml'), alerts);
  const output = await new Promise<string>((resolve) => {
    const files = globSync('tests/*.yml', { cwd: dir });
    execFile('promtool', ['test', 'rules', ...files], { cwd: dir }, (_error, stdout, stderr) =>
      resolve(stdout + stderr),
    );
  });
  return [...new Set([...output.matchAll(/^ +alertname: (\w+), time:/gm)].map(([, name]) => name!))].sort();
}

test(`the live test runs the shipped rules with waits ${FACTOR} times shorter`, () => {
  const withoutWaits = (text: string) => text.replaceAll(/(?<=for: )\d+(m|ms)$/gm, '');
  assert.equal(hasten(read('recording.yml')), read('recording.yml'));
  assert.equal(withoutWaits(hasten(read('alerts.yml'))), withoutWaits(read('alerts.yml')));
  const fast = parse(hasten(read('alerts.yml'))) as { groups: { rules: typeof ALERTS }[] };
  const rules = fast.groups.flatMap((group) => group.rules);
  assert.deepEqual(
    rules.map((rule) => [rule.alert, rule.for]),
    ALERTS.map((rule) => [rule.alert, rule.for && `${(Number.parseInt(rule.for, 10) * 60_000) / FACTOR}ms`]),
  );
});
