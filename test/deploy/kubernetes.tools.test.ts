import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { before, test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { loadConfig } from '../../src/config/config.ts';
import { MOST_UNSENT_BYTES } from '../../src/http/load.ts';
import { typeErrors, validate } from './kubernetes-schemas.ts';
import {
  configOf,
  containerOf,
  type Directory,
  environmentOf,
  find,
  type Manifest,
  OVERLAYS,
  quantity,
  renderAll,
  withServiceAccounts,
} from './rendered.ts';

const MiB = 2 ** 20;
/** Memory outside the heap of a process without entries: code, libraries, threads. */
const IDLE_BYTES = 80 * MiB;
/** What the addon of the single binary uses of /tmp, in each process. */
const ADDON_BYTES = 7 * MiB;
/** How long a stopping process may take to send its pending writes to Redis: see `service/serve.ts`. */
const PENDING_WRITES_FLUSH_MS = 2000;

let of: (directory: Directory) => Manifest[];

before(async () => {
  of = await renderAll();
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

  test(`${directory}: every selector matches its pods`, () => {
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

  test(`${directory}: every named port is a port of its pod, and the service listens on it`, () => {
    for (const deployment of of(directory).filter(({ kind }) => kind === 'Deployment')) {
      const { name } = deployment.metadata;
      const ports = containerOf(deployment).ports.map((port: Manifest) => port.name);
      const service = find(of(directory), 'Service', name);
      const policy = find(of(directory), 'NetworkPolicy', name);
      for (const { targetPort } of service.spec.ports) assert.ok(ports.includes(targetPort));
      for (const rule of policy.spec.ingress)
        for (const { port } of rule.ports) assert.ok(ports.includes(port));
    }
    const { http, access } = configOf(of(directory)).config;
    const listened = [
      ['http', http.port],
      ['ops', access.opsPort],
    ];
    const { ports } = containerOf(find(of(directory), 'Deployment'));
    assert.deepEqual(
      ports.map(({ name, containerPort }: Manifest) => [name, containerPort]),
      listened,
    );
    const service = find(of(directory), 'Service');
    assert.deepEqual(
      service.spec.ports.map(({ name, port }: Manifest) => [name, port]),
      listened,
    );
  });

  test(`${directory}: the service accepts its whole environment without a fault or a warning`, () => {
    const { config, warnings } = configOf(of(directory));
    assert.deepEqual(warnings, []);
    assert.equal(config.standalone, false);
    assert.equal(config.http.host, '0.0.0.0');
    assert.ok(config.redis?.passwordFile ?? config.redis?.password?.reveal());
  });

  test(`${directory}: heap, bodies, unread answers, pending writes, /tmp and the program fit into the memory limit`, () => {
    const deployment = find(of(directory), 'Deployment');
    const limit = quantity(containerOf(deployment).resources.limits.memory);
    const env = environmentOf(of(directory), '');
    const heapShare = Number(/--max-old-space-size-percentage=(\d+)\b/.exec(env.NODE_OPTIONS!)?.[1]) / 100;
    const { limits, faults } = configOf(of(directory)).config;
    const tmp = quantity(deployment.spec.template.spec.volumes[0].emptyDir.sizeLimit);
    const outsideHeap =
      limits.maxBufferedBodyBytes + MOST_UNSENT_BYTES + faults.pendingWritesMaxBytes + tmp + IDLE_BYTES;
    assert.ok(heapShare * limit + outsideHeap <= limit, `${heapShare * limit + outsideHeap} > ${limit}`);
  });

  test(`${directory}: /tmp has room for the addon of each process of PROCESSES=auto`, () => {
    const deployment = find(of(directory), 'Deployment');
    const tmp = quantity(deployment.spec.template.spec.volumes[0].emptyDir.sizeLimit);
    const processes = Math.max(1, Math.floor(quantity(containerOf(deployment).resources.limits.cpu)));
    // The supervisor, and a process that replaces another, have one too.
    assert.ok(tmp >= (processes + 2) * ADDON_BYTES, `${tmp} for ${processes} processes`);
  });

  test(`${directory}: the grace period of a pod covers the stop time of the service`, () => {
    const { spec } = find(of(directory), 'Deployment').spec.template;
    const { graceMs, timeoutMs } = configOf(of(directory)).config.shutdown;
    assert.ok(
      spec.terminationGracePeriodSeconds * 1000 >= graceMs + timeoutMs + PENDING_WRITES_FLUSH_MS + 5000,
    );
  });

  test(`${directory}: a start may take twice as long as the warm-up, and Redis cannot delay it`, () => {
    const { startupProbe } = containerOf(find(of(directory), 'Deployment'));
    const { config } = configOf(of(directory));
    assert.equal(startupProbe.httpGet.path, '/readyz');
    assert.ok(
      startupProbe.periodSeconds * startupProbe.failureThreshold * 1000 >= 2 * config.warmup.timeoutMs,
    );
    assert.equal(config.http.readyRequiresRedis, false);
  });

  test(`${directory}: the liveness probe does not depend on Redis when the process needs Redis to serve`, () => {
    const { livenessProbe } = containerOf(find(of(directory), 'Deployment'));
    const { enabled } = configOf(of(directory)).config.local;
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
    const { access, redis } = configOf(of(directory)).config;
    const mounts = [
      { name: 'tmp', mountPath: '/tmp' },
      { name: 'tokens', mountPath: dirname(access.tokensFile!), readOnly: true },
    ];
    if (redis?.passwordFile !== undefined)
      mounts.push({ name: 'redis', mountPath: dirname(redis.passwordFile), readOnly: true });
    assert.deepEqual(pod.containers[0].volumeMounts, mounts);
  });
}

test('the example of a client is valid, and its token has the audience that the service requires', async () => {
  const [account, pod] = parseAllDocuments(
    readFileSync('deploy/kubernetes/examples/client.yaml', 'utf8'),
  ).map((document) => document.toJS() as Manifest);
  for (const manifest of [account!, pod!]) await validate(manifest);
  assert.equal(await typeErrors([account!, pod!]), '');
  assert.equal(pod!.spec.serviceAccountName, account!.metadata.name);
  const [{ serviceAccountToken }] = pod!.spec.volumes[0].projected.sources;
  const component = await withServiceAccounts();
  const { config, warnings } = loadConfig(environmentOf(component, 'hunter2'), { standalone: false });
  assert.deepEqual(warnings, []);
  assert.equal(serviceAccountToken.audience, config.access.jwt!.audience);
  const [client] = find(component, 'NetworkPolicy').spec.ingress;
  assert.deepEqual(client.from[0].podSelector.matchLabels, pod!.metadata.labels);
  const { volumes, containers } = find(component, 'Deployment').spec.template.spec;
  assert.deepEqual(volumes.at(-1).name, containers[0].volumeMounts.at(-1).name);
  assert.deepEqual(config.access.jwt!.keys, {
    file: `${containers[0].volumeMounts.at(-1).mountPath}/jwks.json`,
  });
});

test('an object with a field that is unknown, missing or out of bounds is refused', async () => {
  const spoiled = (spoil: (container: Manifest) => void) => {
    const deployment = structuredClone(find(of('base'), 'Deployment'));
    spoil(containerOf(deployment));
    return deployment;
  };
  const unknown = spoiled(({ livenessProbe }) => {
    livenessProbe.failureTreshold = 3;
  });
  assert.match(await typeErrors([unknown]), /failureTreshold/);
  const missing = spoiled((container) => {
    delete container.name;
  });
  await assert.rejects(validate(missing), /name/);
  const outOfBounds = spoiled(({ resources }) => {
    resources.limits.memory = '8 Gi';
  });
  await assert.rejects(validate(outOfBounds), /memory/);
});
