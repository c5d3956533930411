import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../../loadtest/support/until.ts';
import type { RedisServer } from '../../loadtest/target/redis-server.ts';
import type { Service } from '../../loadtest/target/service.ts';
import { put } from '../support/client.ts';
import { type Lab, startLab } from './lab.ts';
import { healthyLoad, miss, repeat } from './load.ts';
import { panelQueries } from './panel-queries.ts';
import { ALERTS } from './rules.ts';

// A real Prometheus with the shipped rules, a hundred times faster (hastened.ts), scrapes real services whose faults
// are real, and tells a real Alertmanager. Each test has an installation of its own, so that they can go on at once.

const PATIENCE = { timeoutMs: 60_000, everyMs: 100 };

let lab: Lab;
/** What has been seen to fire, by whatever test. */
const fired = new Set<string>();

before(async () => {
  lab = await startLab();
});
after(() => lab?.stop());

describe('a real Prometheus', { concurrency: true }, () => {
  test('sees nothing wrong with a healthy system under load, finds data for every panel, and misses an instance that is killed', async () => {
    const { prometheus, healthy } = lab;
    const stop = await healthyLoad(healthy.services);
    try {
      // Longer than the longest time that an alert waits, 9 s, and what it looks back on, 3 s.
      await delay(13_000);
      assert.deepEqual(await firingIn('healthy'), []);
      const seen = await prometheus.query('count_over_time(up{namespace="healthy"}[12s])');
      assert.ok(seen.length === 2 && seen.every(({ value }) => value > 12), JSON.stringify(seen));

      const queries = panelQueries({ namespace: 'healthy', instance: '.+', rateInterval: '3s' });
      const empty: string[] = [];
      for (const { panel, expr } of queries) {
        const samples = await prometheus.query(expr);
        if (!samples.some(({ value }) => !Number.isNaN(value))) empty.push(`${panel}: ${expr}`);
      }
      assert.ok(queries.length > 90, String(queries.length));
      assert.deepEqual(empty, []);

      healthy.services[0]!.kill('SIGKILL');
      await fires('healthy', 'CacheServiceDown');
    } finally {
      await stop();
    }
  });

  test('sees a Redis that is killed: connections, coherence, errors, pending writes that fill up, figures that are absent', async () => {
    const { redis, service } = lab.gone;
    const stop = repeat(() => miss(service), 2);
    try {
      await redis.signal('SIGKILL');
      for (let i = 0; i < 6; i++) assert.equal((await put(service, `volatility:${i}`, '1')).status, 202);
      await fires(
        'gone',
        ...[
          'RedisConnectionFailed',
          'CacheCoherenceLost',
          'CacheServiceErrorRate',
          'CachePendingWritesFilling',
        ],
        ...['CachePendingWritesStuck', 'RedisMetricsAbsent'],
      );
    } finally {
      await stop();
    }
  });

  test('sees reads that miss, a Redis that is full of keys and of clients, and requests refused for overload', async (t) => {
    const { redis, service } = lab.full;
    const stop = repeat(() => miss(service), 4);
    try {
      await fill(redis, service);
      for (let i = 0; i < 6; i++) {
        const client = connect(redis.port, '127.0.0.1');
        t.after(() => client.destroy());
        await once(client, 'connect');
      }
      await fires('full', 'RedisHighMemoryUsage', 'RedisHighConnections', 'HighCacheMissRate');

      // A process that is stopped and goes on finds its event loop late, and all that has come meanwhile.
      service.kill('SIGSTOP');
      const waiting = Array.from({ length: 50 }, () => miss(service));
      await delay(1000);
      service.kill('SIGCONT');
      const statuses = (await Promise.all(waiting)).map(({ status }) => status);
      assert.ok(statuses.includes(503), statuses.join());
      await fires('full', 'CacheServiceShedding');
    } finally {
      await stop();
    }
  });

  test('sees a slow way to Redis, then a link that is cut, then a Redis that gives no answers', async () => {
    const { proxy, service } = lab.slow;
    // Writes: reads would have to miss to come so far, which is an alert of its own.
    const stop = repeat(() => put(service, `volatility:${Math.floor(Math.random() * 8)}`, '1'), 8);
    try {
      proxy.delay(150);
      await fires('slow', 'CacheServiceHighLatency', 'RedisHighResponseTime', 'CacheInvalidationLinkLag');

      proxy.delay(0);
      assert.ok(!(await firingIn('slow')).includes('CacheCoherenceLost'));
      proxy.freeze({ saying: 'ratecache-link' });
      await fires('slow', 'CacheCoherenceLost');
      assert.ok(!(await firingIn('slow')).includes('CacheBreakerOpen'));
      proxy.freeze({ saying: 'ratecache-data' });
      await fires('slow', 'CacheBreakerOpen');

      // And when all is well again, they are over.
      proxy.thaw();
      await until(async () => (await firingIn('slow', '500ms')).length === 0, PATIENCE);
    } finally {
      await stop();
    }
  });
});

test('when every instance is gone, it says that it has no metrics', async () => {
  const { healthy, gone, full, slow } = lab;
  for (const service of [...healthy.services, gone.service, full.service, slow.service])
    service.kill('SIGKILL');
  // Not within the last minute: so it was before the first scrape, too.
  await until(async () => (await firingIn('', '1s')).includes('CacheServiceMetricsAbsent'), PATIENCE);
  fired.add('CacheServiceMetricsAbsent');
});

test('by now each alert has fired', () => {
  assert.deepEqual([...fired].sort(), ALERTS.map(({ alert }) => alert).sort());
});

test('Slack was told of warnings and of what is critical, PagerDuty only of the latter, with the way to the runbook', async () => {
  const { healthy, alertmanager } = lab;
  const { messages } = alertmanager;
  const told = (channel: string, alert: string) =>
    messages.some(
      ({ channel: its, text }) =>
        its === channel && text.includes(`https://docs.example.com/ratecache/${runbookOf(alert)}`),
    );
  for (const alert of [
    'CacheServiceDown',
    'RedisConnectionFailed',
    'CacheServiceErrorRate',
    'CachePendingWritesFilling',
  ]) {
    await until(() => told('pagerduty', alert) && told('slack', alert), PATIENCE);
  }
  for (const alert of ['RedisHighMemoryUsage', 'CacheServiceHighLatency', 'CacheInvalidationLinkLag']) {
    await until(() => told('slack', alert), PATIENCE);
    assert.ok(!told('pagerduty', alert), alert);
  }

  const slack = messages
    .filter(({ channel }) => channel === 'slack')
    .map(({ text }) => JSON.parse(text).attachments[0]);
  const down = slack.find(
    ({ title }) => title === '[FIRING: 1] Instances of the cache service are down (healthy)',
  );
  assert.equal(
    down.text,
    `1 of 2 instances answer; these do not: 127.0.0.1:${healthy.services[0]!.port}.\nRespond within 5m.`,
  );
  assert.equal(down.color, 'danger');
});

function runbookOf(name: string): string {
  return ALERTS.find(({ alert }) => alert === name)!.annotations.runbook_url;
}

/** Waits until all of these have fired for the namespace; they are enough to have been seen once. */
async function fires(namespace: string, ...alerts: string[]): Promise<void> {
  await until(async () => {
    const firing = await firingIn(namespace);
    for (const alert of alerts) if (firing.includes(alert)) fired.add(alert);
    return alerts.every((alert) => firing.includes(alert));
  }, PATIENCE);
}

/** Writes through the service until nine tenths of Redis's memory are used, in pieces that leave room for their way. */
async function fill(redis: RedisServer, service: Service): Promise<void> {
  const used = async () => Number(/^used_memory:(\d+)/m.exec(await redis.cli('INFO', 'memory'))![1]);
  const max = Number((await redis.cli('CONFIG', 'GET', 'maxmemory')).split('\n')[1]);
  for (let i = 0; (await used()) < 0.9 * max; i++) {
    const incompressible = JSON.stringify(randomBytes(100_000).toString('base64'));
    assert.equal((await put(service, `event_risk:${i}`, incompressible)).status, 201);
  }
}

/** The names of the alerts that have fired for the namespace within the last minute, or whatever time. */
async function firingIn(namespace: string, within = '1m'): Promise<string[]> {
  const series = `ALERTS{namespace="${namespace}", alertstate="firing"}`;
  const found = await lab.prometheus.query(`count by (alertname) (count_over_time(${series}[${within}]))`);
  return found.map(({ labels }) => labels.alertname!).sort();
}
