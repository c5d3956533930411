import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { before, test } from 'node:test';
import { promisify } from 'node:util';
import type { Variable } from '../../src/config/kinds.ts';
import { loadConfig, VARIABLE_NAMES, VARIABLES, type VariableName } from '../../src/config.ts';
import { typeErrors, validate } from './kubernetes-schemas.ts';
import {
  containerOf,
  type Directory,
  environmentOf,
  find,
  type Manifest,
  OVERLAYS,
  quantity,
  render,
} from './rendered.ts';

const MiB = 2 ** 20;
/** What the process takes before it holds anything: see docs/deployment.md. */
const IDLE_BYTES = 80 * MiB;
/** What a stopping process gives itself to tell Redis of what the journal keeps: see `cli/serve.ts`. */
const JOURNAL_FLUSH_MS = 2000;

const rendered = new Map<Directory, Manifest[]>();
const of = (directory: Directory) => rendered.get(directory)!;
const configOf = (directory: Directory) =>
  loadConfig(environmentOf(of(directory), 'hunter2'), { standalone: false });

before(async () => {
  const directories: Directory[] = ['base', ...OVERLAYS];
  const manifests = await Promise.all(directories.map(render));
  directories.forEach((directory, i) => {
    rendered.set(directory, manifests[i]!);
  });
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

for (const directory of ['base', ...OVERLAYS] as const) {
  test(`${directory}: every object is valid by the schemas of Kubernetes, and has no field unknown to them`, async () => {
    for (const manifest of of(directory)) await validate(manifest);
    assert.equal(await typeErrors(of(directory)), '');
  });

  test(`${directory}: every object is in the namespace of the runbook`, () => {
    for (const { kind, metadata } of of(directory)) {
      const held = kind === 'Namespace' ? metadata.name : metadata.namespace;
      assert.equal(held, 'borrow-rate-engine', `${kind} ${metadata.name}`);
    }
  });

  test(`${directory}: every selector finds the pods that it is for`, () => {
    const pods = of(directory)
      .filter(({ kind }) => kind === 'Deployment')
      .map(({ metadata, spec }) => ({ name: metadata.name, labels: spec.template.metadata.labels }));
    const selectors = of(directory).flatMap(({ kind, metadata, spec }) =>
      [spec?.selector?.matchLabels ?? spec?.selector, spec?.podSelector?.matchLabels]
        .filter((labels) => labels !== undefined)
        .map((labels) => ({ kind, name: metadata.name, labels })),
    );
    assert.ok(selectors.length >= 4);
    for (const { kind, name, labels } of selectors) {
      const found = pods.filter((pod) =>
        Object.entries(labels).every(([key, value]) => pod.labels[key] === value),
      );
      assert.deepEqual(
        found.map((pod) => pod.name),
        [name],
        `${kind} ${name}`,
      );
    }
  });

  test(`${directory}: every port that is named is a port of its pod, and the service listens on it`, () => {
    for (const deployment of of(directory).filter(({ kind }) => kind === 'Deployment')) {
      const { name } = deployment.metadata;
      const ports = containerOf(deployment).ports.map((port: Manifest) => port.name);
      const service = find(of(directory), 'Service', name);
      const policy = find(of(directory), 'NetworkPolicy', name);
      for (const { targetPort } of service.spec.ports) assert.ok(ports.includes(targetPort));
      for (const rule of policy.spec.ingress)
        for (const { port } of rule.ports) assert.ok(ports.includes(port));
    }
    const [port] = containerOf(find(of(directory), 'Deployment')).ports;
    assert.equal(port.containerPort, 8000);
    assert.equal(configOf(directory).config.http.port, 8000);
    assert.equal(find(of(directory), 'Service').spec.ports[0].port, 8000);
  });

  test(`${directory}: the service takes its whole environment without a fault or a warning`, () => {
    const { config, warnings } = configOf(directory);
    assert.deepEqual(warnings, []);
    assert.equal(config.standalone, false);
    assert.equal(config.http.host, '0.0.0.0');
    assert.notEqual(config.redis?.password.reveal(), '');
  });

  test(`${directory}: heap, bodies, journal, /tmp and the program fit into the memory limit`, () => {
    const deployment = find(of(directory), 'Deployment');
    const limit = quantity(containerOf(deployment).resources.limits.memory);
    const env = environmentOf(of(directory), '');
    const heapShare = Number(/^--max-old-space-size-percentage=(\d+)$/.exec(env.NODE_OPTIONS!)?.[1]) / 100;
    const { limits, faults } = configOf(directory).config;
    const tmp = quantity(deployment.spec.template.spec.volumes[0].emptyDir.sizeLimit);
    const beside = limits.maxBufferedBodyBytes + faults.journalMaxBytes + tmp + IDLE_BYTES;
    assert.ok(heapShare * limit + beside <= limit, `${heapShare * limit + beside} > ${limit}`);
  });

  test(`${directory}: a pod may take as long to stop as the service may`, () => {
    const { spec } = find(of(directory), 'Deployment').spec.template;
    const { graceMs, timeoutMs } = configOf(directory).config.shutdown;
    assert.ok(spec.terminationGracePeriodSeconds * 1000 >= graceMs + timeoutMs + JOURNAL_FLUSH_MS + 5000);
  });

  test(`${directory}: a start may take twice as long as the warm-up, and Redis cannot hold it up`, () => {
    const { startupProbe } = containerOf(find(of(directory), 'Deployment'));
    const { config } = configOf(directory);
    assert.equal(startupProbe.httpGet.path, '/readyz');
    assert.ok(
      startupProbe.periodSeconds * startupProbe.failureThreshold * 1000 >= 2 * config.warmup.timeoutMs,
    );
    assert.equal(config.http.readyRequiresRedis, false);
  });

  test(`${directory}: where the process needs Redis to serve, liveness does not ask whether it can`, () => {
    const { livenessProbe } = containerOf(find(of(directory), 'Deployment'));
    const { enabled } = configOf(directory).config.local;
    assert.equal(livenessProbe.httpGet.path, enabled ? '/health' : '/livez');
  });

  test(`${directory}: no container has more rights than it needs`, () => {
    for (const { spec } of of(directory).filter(({ kind }) => kind === 'Deployment')) {
      const pod = spec.template.spec;
      assert.equal(pod.automountServiceAccountToken, false);
      assert.equal(pod.securityContext.runAsNonRoot, true);
      assert.deepEqual(pod.securityContext.seccompProfile, { type: 'RuntimeDefault' });
      for (const { securityContext } of pod.containers) {
        assert.deepEqual(securityContext, {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
      }
    }
    const pod = find(of(directory), 'Deployment').spec.template.spec;
    assert.equal(pod.securityContext.runAsUser, 65532);
    assert.deepEqual(pod.volumes[0].emptyDir.medium, 'Memory');
    assert.deepEqual(pod.containers[0].volumeMounts, [{ name: 'tmp', mountPath: '/tmp' }]);
  });
}

test('the ConfigMap has every variable but secrets, with its default except for what a pod needs', () => {
  const { data } = find(of('base'), 'ConfigMap', 'cache-service-config');
  const shown = VARIABLE_NAMES.filter((name) => !VARIABLES[name].secret);
  assert.deepEqual(Object.keys(data).sort(), [...shown].sort());
  const defaultOf = (name: VariableName) => String((VARIABLES[name] as Variable<unknown>).default ?? '');
  const changed = shown.filter((name) => data[name] !== defaultOf(name));
  assert.deepEqual(Object.fromEntries(changed.map((name) => [name, data[name]])), {
    HOST: '0.0.0.0',
    SHUTDOWN_GRACE_MS: '5000',
    REDIS_HOST: 'redis',
    REDIS_PORT: '6379',
  });
});

test('what is secret comes from the Secret, and nothing else is set past the ConfigMap but the heap', () => {
  const { env, envFrom } = containerOf(find(of('base'), 'Deployment'));
  assert.deepEqual(envFrom, [{ configMapRef: { name: 'cache-service-config' } }]);
  assert.deepEqual(
    env.map(({ name }: Manifest) => name),
    [...VARIABLE_NAMES.filter((name) => VARIABLES[name].secret), 'NODE_OPTIONS'],
  );
  assert.deepEqual(env[0].valueFrom.secretKeyRef, { name: 'cache-service-redis', key: 'REDIS_PASSWORD' });
});

test('configmap.yaml is what its script writes, comments and all', async () => {
  await promisify(execFile)(process.execPath, ['scripts/kubernetes-configmap.ts', '--check']);
});

test('requests, limits and probes are those of the runbook', () => {
  const container = containerOf(find(of('overlays/production'), 'Deployment'));
  assert.deepEqual(container.resources, {
    requests: { cpu: '500m', memory: '2Gi' },
    limits: { cpu: '2000m', memory: '8Gi' },
  });
  const { readinessProbe, livenessProbe } = container;
  assert.deepEqual([readinessProbe.httpGet.path, readinessProbe.periodSeconds], ['/health', 10]);
  assert.deepEqual([livenessProbe.httpGet.path, livenessProbe.periodSeconds], ['/health', 20]);
  // Others are asked before a process is given up, since a restart costs its L1 and its journal.
  const patience = ({ periodSeconds, failureThreshold }: Manifest) => periodSeconds * failureThreshold;
  assert.ok(patience(livenessProbe) > patience(readinessProbe));
});

test('the autoscaler goes by 70 % of memory and 80 % of CPU, and never under three replicas', () => {
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

test('a rollout never leaves fewer replicas than there were, and replicas are apart', () => {
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

test('a replica may reach Redis and the name server, and nothing else', () => {
  const ports = (directory: Directory) =>
    find(of(directory), 'NetworkPolicy').spec.egress.map(({ to, ports }: Manifest) => {
      assert.equal(to.length, 1);
      return ports.map(({ port }: Manifest) => port);
    });
  for (const directory of OVERLAYS) {
    assert.deepEqual(ports(directory), [[6379], [53, 53]]);
    assert.equal(configOf(directory).config.redis?.port, 6379);
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
    [[service.spec.ports[0].name, '/metrics']],
  );
});

test('production has no password in it, and names the Secret that must be there', () => {
  assert.deepEqual(
    of('overlays/production').filter(({ kind }) => kind === 'Secret'),
    [],
  );
  for (const { kind, data } of of('overlays/production'))
    if (kind === 'ConfigMap') assert.ok(!('REDIS_PASSWORD' in data));
});

test('dev is one replica with a Redis of its own, which restarts when its configuration changes', () => {
  const manifests = of('overlays/dev');
  assert.equal(find(manifests, 'Deployment').spec.replicas, 1);
  for (const kind of ['HorizontalPodAutoscaler', 'PodDisruptionBudget', 'ServiceMonitor'])
    assert.ok(!manifests.some((manifest) => manifest.kind === kind), kind);
  const { config } = configOf('overlays/dev');
  assert.equal(find(manifests, 'Service', 'redis').spec.ports[0].port, config.redis?.port);
  assert.equal(config.redis?.host, 'redis');
  const [{ configMap }] = find(manifests, 'Deployment', 'redis').spec.template.spec.volumes;
  assert.match(configMap.name, /^redis-config-\w+$/);
  const { data } = find(manifests, 'ConfigMap', configMap.name);
  assert.equal(data['redis.conf'], readFileSync('deploy/redis/dev.conf', 'utf8'));
});
