import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { until } from '../../loadtest/support/until.ts';
import { type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import { PATIENT, reachesRedis, startReplica } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { VARIABLES } from '../../src/config/variables.ts';
import { ERRORS } from '../../src/errors.ts';
import { TYPES } from '../../src/key.ts';
import { find, type Manifest, render } from '../deploy/rendered.ts';
import { get, post, put, readIntoL1 } from '../support/client.ts';
import { explain } from '../support/explain.ts';
import { codesOf, sectionOf } from './markdown.ts';
import { textOf } from './pages.ts';
import { type Prometheus, startPrometheus } from './prometheus.ts';
import { missingLine, type Outcome, runCommands } from './run-commands.ts';

const ROOT = new URL('../..', import.meta.url);
const read = (file: string) => readFileSync(new URL(file, ROOT), 'utf8');
const RUNBOOK = textOf('runbook');
const PASSWORD = 'not-a-secret';

let redis: RedisServer;
let service: Service;
let prometheus: Prometheus;
let outcome: Outcome;

before(async () => {
  redis = await startRedis({
    password: PASSWORD,
    args: ['--maxmemory', '100mb', '--repl-diskless-sync-delay', '0'],
  });
  service = await startService({
    env: {
      ...PATIENT,
      REDIS_HOST: '127.0.0.1',
      REDIS_PORT: String(redis.port),
      REDIS_PASSWORD: PASSWORD,
      // Gives the commands that watch Redis something to print.
      HEARTBEAT_INTERVAL_MS: '50',
    },
  });
  const starting = startPrometheus(service);
  await reachesRedis(service);
  // Something of everything: hits, misses, deletions, a connection that was lost.
  await (await put(service, 'borrow_rate:AAPL', '{"rate": 0.0525}')).text();
  await (await get(service, 'borrow_rate:NONE')).text();
  await (await post(service, '/v1/mdelete', { keys: ['volatility:GME'] })).text();
  await redis.cli('SET', 'borrow_rate_engine:event_risk:AAPL', 'foreign');
  await redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
  await service.waitForLog(({ level }) => level === 'error');
  await service.waitForLog(({ msg }) => msg === 'cache miss summary');
  await reachesRedis(service);
  prometheus = await starting;
  // Rates are of what comes while Prometheus looks.
  const rates = ['cache_hit_rate{instance=""}', 'redis_response_time{instance=""}', 'cache_coherence_lag'];
  await until(
    async () => {
      for (const key of ['borrow_rate:AAPL', 'borrow_rate:NONE']) await (await get(service, key)).text();
      const found = await Promise.all(rates.map((rate) => prometheus.count(rate)));
      return found.every((count) => count > 0);
    },
    { timeoutMs: 60_000, everyMs: 100 },
  );
  const place = { service, redis, password: PASSWORD, prometheus: prometheus.url };
  outcome = await runCommands(RUNBOOK, place, (commands) =>
    commands.replaceAll('--latency -i 1', '--latency -i 0.1'),
  );
});

after(async () => {
  await service?.stop('SIGKILL');
  await Promise.all([redis?.stop(), prometheus?.stop()]);
});

test('every command of the runbook runs, and prints the documented output', () => {
  assert.ok(outcome.ran.length > 40);
  for (const { commands, output, promised } of outcome.ran) {
    assert.doesNotMatch(output, /^(ERR|NOAUTH|NOPERM|WRONGPASS|READONLY|Could not connect)/m, commands);
    if (promised !== undefined)
      assert.equal(missingLine(promised, output), undefined, `${commands}\n${output}`);
  }
  assert.ok(outcome.ran.filter(({ promised }) => promised !== undefined).length > 4);
});

test('kubectl accepts every kubectl command of the runbook', async () => {
  const distinct = new Map(outcome.asked.map((args) => [args.join(' '), args]));
  assert.ok(distinct.size > 20);
  const kubectl = fileURLToPath(new URL('scripts/kubectl.sh', ROOT));
  // Nobody is there to do it: it says so when it has understood.
  const answers = [...distinct.values()].map(async (args) => {
    const line = ['--server=http://127.0.0.1:1', ...args];
    const { stderr } = await promisify(execFile)(kubectl, line).catch((error: { stderr: string }) => error);
    assert.match(stderr, /connection (to the server .* was )?refused/, args.join(' '));
  });
  await Promise.all(answers);
});

test('every object in a kubectl command of the runbook exists in the manifests', async () => {
  const manifests = await render('base');
  const secret = find(await render('overlays/dev'), 'Secret', 'cache-service-redis');
  const labels = find(manifests, 'Deployment').spec.template.metadata.labels;
  const kinds: Record<string, string> = {
    deployment: 'Deployment',
    configmap: 'ConfigMap',
    hpa: 'HorizontalPodAutoscaler',
    servicemonitor: 'ServiceMonitor',
    networkpolicy: 'NetworkPolicy',
  };
  let named = 0;
  for (const args of outcome.asked) {
    const line = args.join(' ');
    if (line !== 'get nodes')
      assert.deepEqual(args.slice(0, 2), [
        '-n',
        find(manifests, 'Namespace', 'borrow-rate-engine').metadata.name,
      ]);
    for (const [, kind, name] of line.matchAll(
      /\b(deployment|configmap|hpa|servicemonitor|networkpolicy)[ /](\S+)/g,
    )) {
      named++;
      checkChange(find(manifests, kinds[kind!]!, name), kind!, args);
    }
    if (args.includes('secret')) assert.ok(args.includes(secret.metadata.name), line);
    for (const [, name, value] of line.matchAll(/-l (\S+)=(\S+)/g)) assert.equal(labels[name!], value, line);
    for (const [, name] of line.matchAll(/\{\.data\.(\w+)\}/g))
      assert.ok(
        name! in find(manifests, 'ConfigMap', 'cache-service-config').data || name! in secret.data,
        line,
      );
  }
  assert.ok(named > 10);
});

/** What a patch changes must be there to change, or the change would change nothing. */
function checkChange(manifest: Manifest, kind: string, args: readonly string[]): void {
  const patch = args[args.indexOf('-p') + 1];
  if (!args.includes('patch') || patch === undefined) return;
  const { data = {}, spec = {} } = JSON.parse(patch);
  const has = kind === 'configmap' ? manifest.data : manifest.spec;
  for (const name of [...Object.keys(data), ...Object.keys(spec)]) assert.ok(name in has, name);
}

test('every metric, field and variable that the runbook names exists', async () => {
  const metrics = (await (await service.fetch('/metrics')).text()).matchAll(/^# TYPE (\S+) /gm);
  const rules = read('deploy/prometheus/recording.yml').matchAll(/^ +- record: (\S+)$/gm);
  const stats = await (await service.fetch('/stats')).json();
  await put(service, 'borrow_rate:AAPL', '{"rate":0.01}');
  await readIntoL1(service, 'borrow_rate:AAPL');
  const explanation = await explain(service, 'borrow_rate:AAPL');
  await redis.signal('SIGKILL');
  // What is wrong stands there only when something is.
  const health = await until(async () => {
    const body = (await (await service.fetch('/health')).json()) as { redis: { connected: boolean } };
    return !body.redis.connected && body;
  });
  const known = new Set([
    ...[...metrics, ...rules].map(([, name]) => name!),
    ...[stats, health, explanation, explanation.replicas[0]].flatMap((body) => pathsOf(body)),
    ...service.logs.flatMap((line) => pathsOf(line)),
    ...Object.keys(ERRORS),
    ...TYPES,
    'cache_invalidation',
    'local_cache',
    ...OF_OTHERS,
  ]);
  const named = codesOf(RUNBOOK).map((code) => code.replace(/\{.*\}$/, ''));
  const names = named.filter(
    (name) => /^[a-z]+[a-z0-9]*([_.][a-z0-9]+)+$/.test(name) && !/\.(md|ya?ml|ts|conf|acl)$/.test(name),
  );
  assert.ok(names.length > 80);
  assert.deepEqual(
    [...new Set(names)].filter((name) => !known.has(name)),
    [],
  );
  const variables = named.filter(
    (name) => /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)+$/.test(name) && !OF_THE_SHELL.includes(name),
  );
  assert.ok(variables.length > 30);
  assert.deepEqual(
    variables.filter((name) => !(name in VARIABLES)),
    [],
  );
});

/** No variables of the service. */
const OF_THE_SHELL = ['NODE_OPTIONS', 'RATECACHE_TOKEN', 'REDIS_REPLICA', 'WARMUP_FILE'];

/** Metrics of a supervisor, and fields of Redis, Kubernetes and its exporters. */
const OF_OTHERS = [
  'ratecache_processes',
  'ratecache_processes_answering',
  'ratecache_process_restarts_total',
  'runbook_url',
  'mem_fragmentation_ratio',
  'used_cpu_user',
  'container_cpu_cfs_throttled_periods_total',
];

/** `local`, `local.hit_rate` and so on. */
function pathsOf(body: unknown, prefix = ''): string[] {
  if (typeof body !== 'object' || body === null) return [];
  return Object.entries(body).flatMap(([name, value]) => [
    prefix + name,
    ...pathsOf(value, `${prefix}${name}.`),
  ]);
}

test('the procedure for an old quote shows the documented output, and changes no value', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const service = await startReplica(redis);
  t.after(() => service.stop('SIGKILL'));
  await put(service, 'borrow_rate:AAPL', '{"rate": 0.0525}');
  await readIntoL1(service, 'borrow_rate:AAPL');
  const section = sectionOf(RUNBOOK, 'A quote looks stale');
  const setting =
    '```sh\nexport NS=n REDIS_HOST=127.0.0.1 REDIS_PORT=$TEST_REDIS_PORT REDIS_USER=default\n```\n';
  const state = async () => [
    await redis.cli('DBSIZE'),
    await redis.cli('--no-raw', 'GET', 'borrow_rate_engine:borrow_rate:AAPL'),
  ];
  const before = await state();
  const place = { service, redis, password: '', prometheus: '' };
  const { ran } = await runCommands(setting + section, place, (commands) => commands);
  const promising = ran.filter(({ promised }) => promised !== undefined);
  assert.equal(promising.length, 1);
  for (const { promised, output } of promising)
    assert.equal(missingLine(promised!, output), undefined, output);
  assert.deepEqual(await state(), before);
  assert.doesNotMatch(section, /curl .*(-X|-d|--data)/);
});
