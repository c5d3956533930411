import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { BUS_OFFSET, type RedisCluster } from '../../loadtest/target/cluster.ts';
import { freePort, type RedisServer } from '../../loadtest/target/redis-server.ts';
import { PATIENT, reachesRedis } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { PREFIX } from '../consistency/foreign-writer.ts';
import { type Authority, type Certificate, makeAuthority } from '../support/certificates.ts';
import { get, put } from '../support/client.ts';
import { becomesCoherent, healthOf, keysByMaster, openCluster, statusOf } from './support.ts';

test('a service uses a Cluster over TLS: values, links and announcements of every master', async (t) => {
  const { cluster, tlsPorts, env } = await openTlsCluster(t);
  const service = await serve(t, env);
  await reachesRedis(service);
  await becomesCoherent(service);
  const keys = [...(await keysByMaster(cluster, 2)).values()] as [string, string][];
  for (const [deleted, announced] of keys) {
    for (const key of [deleted, announced]) {
      assert.equal((await put(service, key, '1')).status, 201);
      await until(async () => (await statusOf(service, key)).startsWith('ratecache-l1; hit'));
    }
    // Another program, through the port without TLS.
    await cluster.cli(PREFIX + deleted, 'DEL', PREFIX + deleted);
    await until(async () => (await get(service, deleted)).status === 404);
  }
  const announced = keys.map(([, key]) => key);
  await cluster.servers[0]!.cli('PUBLISH', 'cache_invalidation', JSON.stringify({ keys: announced }));
  for (const key of announced)
    await until(async () => (await statusOf(service, key)).startsWith('ratecache-l2; hit'));

  for (const server of cluster.servers) {
    // A replica is listed, and connected, with one of the next tables.
    const connections = await until(
      async () => {
        const lines = await connectionsOf(server);
        return lines.length > 0 ? lines : undefined;
      },
      { timeoutMs: 30_000 },
    );
    for (const line of connections)
      assert.ok(line.includes(` laddr=127.0.0.1:${tlsPorts.get(server.port)} `), line);
  }

  // The service also follows a redirect to a node over TLS.
  const [key] = keys[0]!;
  const master = await cluster.ownerOf(PREFIX + key);
  await cluster.failover(await cluster.replicaOf(master));
  assert.equal((await put(service, key, '2')).status, 201);
  assert.equal(await (await get(service, key)).text(), '2');
});

test('a wrong certificate of one master is one line in the log and the reason in /health, and the others work', async (t) => {
  const { cluster, tlsPorts, authority, certificate, env } = await openTlsCluster(t);
  const [[port, [hidden]], [, [other]]] = [...(await keysByMaster(cluster, 1))] as [
    [number, [string]],
    [number, [string]],
  ];
  const master = cluster.servers.find((each) => each.port === port)!;
  await useCertificate(master, await authority.issue('DNS:another.test'));
  const service = await serve(t, env);
  const address = `127.0.0.1:${tlsPorts.get(port)}`;
  const fault = /the certificate of Redis has another name/;

  await until(async () => (await put(service, other, '1')).status !== 202);
  assert.equal((await put(service, hidden, '1')).status, 202);
  const reasons = await until(async () => {
    const all = (await healthOf(service)).reasons.join('\n');
    return fault.test(all) ? all : undefined;
  });
  assert.ok(reasons.includes(address), reasons);
  const isFault = ({ error, level }: { error?: unknown; level?: unknown }) =>
    level === 'error' && fault.test(String(error));
  assert.equal((await service.waitForLog(isFault)).server, address);
  assert.equal(service.logs.filter(isFault).length, 1);
  assert.deepEqual(await connectionsOf(master), []);

  // A corrected certificate needs no restart of the service.
  await useCertificate(master, certificate);
  await becomesCoherent(service);
  await until(async () => (await healthOf(service)).pending_writes.entries === 0);
  assert.equal(await (await get(service, hidden)).text(), '1');
});

/** A Cluster whose nodes use TLS among each other, and also offer a port without TLS for the test. */
async function openTlsCluster(t: TestContext) {
  const authority: Authority = await makeAuthority(t);
  const certificate = await authority.issue('IP:127.0.0.1');
  /** By the port without TLS. */
  const tlsPorts = new Map<number, number>();
  const cluster: RedisCluster = await openCluster(t, {
    async argsOf(port) {
      const tlsPort = await freePort();
      tlsPorts.set(port, tlsPort);
      return [
        ...['--tls-port', String(tlsPort), '--cluster-port', String(port + BUS_OFFSET)],
        ...['--tls-cluster', 'yes', '--tls-replication', 'yes', '--tls-ca-cert-file', authority.caFile],
        ...['--tls-cert-file', certificate.certFile, '--tls-key-file', certificate.keyFile],
      ];
    },
  });
  const mine = await authority.issue('DNS:ratecache');
  const env = {
    REDIS_CLUSTER_NODES: cluster.servers.map(({ port }) => `127.0.0.1:${tlsPorts.get(port)}`).join(','),
    REDIS_PASSWORD: '',
    REDIS_TLS: 'true',
    REDIS_TLS_CA_FILE: authority.caFile,
    REDIS_TLS_CERT_FILE: mine.certFile,
    REDIS_TLS_KEY_FILE: mine.keyFile,
  };
  return { cluster, tlsPorts, authority, certificate, env };
}

async function serve(t: TestContext, env: Record<string, string>): Promise<Service> {
  const service = await startService({ env: { ...PATIENT, ...env } });
  t.after(() => service.stop('SIGKILL'));
  return service;
}

async function useCertificate(server: RedisServer, { certFile, keyFile }: Certificate): Promise<void> {
  await server.cli('CONFIG', 'SET', 'tls-cert-file', certFile, 'tls-key-file', keyFile);
}

/** The connections of the service, as `CLIENT LIST` has them. */
async function connectionsOf(server: RedisServer): Promise<string[]> {
  return (await server.cli('CLIENT', 'LIST')).split('\n').filter((line) => line.includes(' name=ratecache-'));
}
