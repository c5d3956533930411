import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { before, test } from 'node:test';
import { promisify } from 'node:util';
import { VARIABLE_NAMES, VARIABLES, type VariableName } from '../../src/config/config.ts';
import type { Variable } from '../../src/config/kinds.ts';
import { commandsUnder } from './documented.ts';
import {
  configOf,
  containerOf,
  type Directory,
  find,
  type Manifest,
  OVERLAYS,
  renderAll,
} from './rendered.ts';

let of: (directory: Directory) => Manifest[];

before(async () => {
  of = await renderAll();
});

test('the base has every object that a production of three replicas needs', () => {
  assert.deepEqual(
    of('base')
      .map(({ kind }) => kind)
      .sort(),
    [
      'ConfigMap',
      'Deployment',
      'HorizontalPodAutoscaler',
      'Namespace',
      'NetworkPolicy',
      'PodDisruptionBudget',
      'Service',
      'ServiceMonitor',
    ],
  );
  assert.equal(find(of('base'), 'Deployment').spec.replicas, 3);
});

test('the ConfigMap has every variable but secrets, with its default except for what a pod needs', () => {
  const { data } = find(of('base'), 'ConfigMap', 'cache-service-config');
  const shown = VARIABLE_NAMES.filter((name) => !VARIABLES[name].secret);
  assert.deepEqual(Object.keys(data).sort(), [...shown].sort());
  const defaultOf = (name: VariableName) => String((VARIABLES[name] as Variable<unknown>).default ?? '');
  const changed = shown.filter((name) => data[name] !== defaultOf(name));
  assert.deepEqual(Object.fromEntries(changed.map((name) => [name, data[name]])), {
    HOST: '0.0.0.0',
    AUTH_TOKENS_FILE: '/etc/ratecache/tokens/tokens.json',
    OPS_PORT: '8001',
    SHUTDOWN_GRACE_MS: '5000',
    REDIS_HOST: 'redis',
    REDIS_PORT: '6379',
  });
});

test('the Secret sets every secret variable, and only the heap limit is set outside Secret and ConfigMap', () => {
  const { env, envFrom } = containerOf(find(of('base'), 'Deployment'));
  assert.deepEqual(envFrom, [{ configMapRef: { name: 'cache-service-config' } }]);
  assert.deepEqual(
    env.map(({ name }: Manifest) => name),
    ['REDIS_PASSWORD', 'NODE_OPTIONS', 'OTEL_EXPORTER_OTLP_HEADERS'],
  );
  const { env: sentinel } = containerOf(find(of('overlays/sentinel'), 'Deployment'));
  const fromSecret = [...env, ...sentinel].filter(({ valueFrom }: Manifest) => valueFrom !== undefined);
  for (const { name, valueFrom } of fromSecret)
    assert.deepEqual(
      valueFrom.secretKeyRef,
      name.startsWith('OTEL_')
        ? { name: 'cache-service-tracing', key: name, optional: true }
        : { name: 'cache-service-redis', key: name },
    );
  assert.deepEqual(
    [...new Set(fromSecret.map(({ name }: Manifest) => name))].sort(),
    VARIABLE_NAMES.filter((name) => VARIABLES[name].secret).sort(),
  );
});

test('the overlays past one server read password and certificate from files of the Secret, over TLS', () => {
  for (const directory of ['overlays/sentinel', 'overlays/cluster', 'overlays/elasticache'] as const) {
    const { redis } = configOf(of(directory)).config;
    const { env, volumeMounts } = containerOf(find(of(directory), 'Deployment'));
    assert.ok(!env.some(({ name }: Manifest) => name === 'REDIS_PASSWORD'));
    const { mountPath } = volumeMounts.find(({ name }: Manifest) => name === 'redis');
    assert.equal(redis!.passwordFile, `${mountPath}/REDIS_PASSWORD`);
    const caFile = directory === 'overlays/elasticache' ? undefined : `${mountPath}/ca.pem`;
    assert.equal(redis!.tls!.caFile, caFile);
    const { volumes } = find(of(directory), 'Deployment').spec.template.spec;
    const { secret } = volumes.find(({ name }: Manifest) => name === 'redis');
    assert.deepEqual(secret, { secretName: 'cache-service-redis' });
  }
});

test('configmap.yaml is the output of its script', async () => {
  await promisify(execFile)(process.execPath, ['scripts/kubernetes-configmap.ts', '--check']);
});

test('requests, limits and probes match the runbook', () => {
  const container = containerOf(find(of('overlays/production'), 'Deployment'));
  assert.deepEqual(container.resources, {
    requests: { cpu: '500m', memory: '2Gi' },
    limits: { cpu: '2000m', memory: '8Gi' },
  });
  const { readinessProbe, livenessProbe } = container;
  assert.deepEqual([readinessProbe.httpGet.path, readinessProbe.periodSeconds], ['/health', 10]);
  assert.deepEqual([livenessProbe.httpGet.path, livenessProbe.periodSeconds], ['/health', 20]);
  // Others are asked before a process is given up, since a restart costs its L1 and its pending writes.
  const patience = ({ periodSeconds, failureThreshold }: Manifest) => periodSeconds * failureThreshold;
  assert.ok(patience(livenessProbe) > patience(readinessProbe));
});

test('the autoscaler targets 70 % of memory and 80 % of CPU, and keeps at least three replicas', () => {
  const { spec } = find(of('overlays/production'), 'HorizontalPodAutoscaler');
  assert.deepEqual(
    spec.metrics.map(({ resource }: Manifest) => [resource.name, resource.target.averageUtilization]),
    [
      ['cpu', 80],
      ['memory', 70],
    ],
  );
  assert.equal(spec.minReplicas, 3);
  assert.deepEqual(spec.scaleTargetRef, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    name: find(of('overlays/production'), 'Deployment').metadata.name,
  });
});

test('a rollout never reduces the number of replicas, and replicas run on separate nodes', () => {
  const { spec } = find(of('overlays/production'), 'Deployment');
  assert.deepEqual(spec.strategy.rollingUpdate, { maxUnavailable: 0, maxSurge: 1 });
  const { affinity, topologySpreadConstraints } = spec.template.spec;
  const [term] = affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution;
  assert.equal(term.topologyKey, 'kubernetes.io/hostname');
  assert.deepEqual(term.labelSelector.matchLabels, { component: 'cache-service' });
  assert.deepEqual(
    topologySpreadConstraints.map((c: Manifest) => [c.topologyKey, c.maxSkew, c.whenUnsatisfiable]),
    [['topology.kubernetes.io/zone', 1, 'DoNotSchedule']],
  );
  const preferred = find(of('base'), 'Deployment').spec.template.spec.affinity.podAntiAffinity;
  assert.deepEqual(
    preferred.preferredDuringSchedulingIgnoredDuringExecution.map(
      (each: Manifest) => each.podAffinityTerm.topologyKey,
    ),
    ['kubernetes.io/hostname', 'topology.kubernetes.io/zone'],
  );
});

test('a replica may connect only to Redis and the name server', () => {
  const ports = (directory: Directory) =>
    find(of(directory), 'NetworkPolicy').spec.egress.map(({ to, ports }: Manifest) => {
      assert.equal(to.length, 1);
      return ports.map(({ port }: Manifest) => port);
    });
  for (const directory of OVERLAYS) {
    const isSentinel = directory === 'overlays/sentinel';
    assert.deepEqual(ports(directory), [isSentinel ? [6379, 26_379] : [6379], [53, 53]]);
    const topology = configOf(of(directory)).config.redis!.topology;
    // Sentinels name masters, which must listen on 6379.
    if (topology.kind === 'single') assert.equal(topology.port, 6379);
    else if (topology.kind === 'cluster') for (const { port } of topology.nodes) assert.equal(port, 6379);
    else for (const { port } of topology.sentinels) assert.equal(port, 26_379);
  }
  const [dev] = find(of('overlays/dev'), 'NetworkPolicy').spec.egress[0].to;
  assert.deepEqual(dev.podSelector.matchLabels, { component: 'redis' });
  const [production] = find(of('overlays/production'), 'NetworkPolicy').spec.egress[0].to;
  assert.deepEqual(Object.keys(production), ['ipBlock']);
});

test('Prometheus finds the Service by its label, its port by name, and calls the job cache-service', () => {
  const { spec } = find(of('overlays/production'), 'ServiceMonitor');
  const service = find(of('overlays/production'), 'Service');
  for (const [key, value] of Object.entries(spec.selector.matchLabels))
    assert.equal(service.metadata.labels[key], value);
  assert.equal(service.metadata.labels[spec.jobLabel], 'cache-service');
  assert.deepEqual(
    spec.endpoints.map(({ port, path }: Manifest) => [port, path]),
    [[service.spec.ports[1].name, '/metrics']],
  );
});

test('the production overlay holds no password, and names the Secret it requires', () => {
  assert.deepEqual(
    of('overlays/production').filter(({ kind }) => kind === 'Secret'),
    [],
  );
  for (const { kind, data } of of('overlays/production'))
    if (kind === 'ConfigMap') assert.ok(!('REDIS_PASSWORD' in data));
});

test('the documented command makes the Secret that production names, with the password and nothing after it', async () => {
  const kubectl = 'kubectl() { scripts/kubectl.sh "$@" --dry-run=client -o json; }; ';
  const env = { PATH: process.env.PATH, REDIS_PASSWORD: 'hunter2' };
  const commands = commandsUnder('Set the Secret up');
  const { stdout } = await promisify(execFile)('bash', ['-c', kubectl + commands], { env });
  const secret = JSON.parse(stdout);
  const { secretKeyRef } = containerOf(find(of('overlays/production'), 'Deployment')).env[0].valueFrom;
  assert.deepEqual(
    [secret.metadata.name, secret.metadata.namespace],
    [secretKeyRef.name, 'borrow-rate-engine'],
  );
  assert.equal(Buffer.from(secret.data[secretKeyRef.key], 'base64').toString(), 'hunter2');
});

test('dev is one replica with a Redis of its own, which restarts when its configuration changes', () => {
  const manifests = of('overlays/dev');
  assert.equal(find(manifests, 'Deployment').spec.replicas, 1);
  for (const kind of ['HorizontalPodAutoscaler', 'PodDisruptionBudget', 'ServiceMonitor'])
    assert.ok(!manifests.some((manifest) => manifest.kind === kind), kind);
  const { config } = configOf(of('overlays/dev'));
  const { port } = find(manifests, 'Service', 'redis').spec.ports[0];
  assert.deepEqual(config.redis?.topology, { kind: 'single', host: 'redis', port });
  const [{ configMap }] = find(manifests, 'Deployment', 'redis').spec.template.spec.volumes;
  assert.match(configMap.name, /^redis-config-\w+$/);
  const { data } = find(manifests, 'ConfigMap', configMap.name);
  assert.equal(data['redis.conf'], readFileSync('deploy/redis/dev.conf', 'utf8'));
});
