import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { connect as connectTcp } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createServer } from 'node:tls';
import { until } from '../../loadtest/support/until.ts';
import { freePort, type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import { PATIENT, reachesRedis, redisEnv } from '../../loadtest/target/replicas.ts';
import { startSentinels } from '../../loadtest/target/sentinel.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { type Certificate, makeAuthority } from '../support/certificates.ts';
import { put } from '../support/client.ts';

test('a service uses Redis over TLS, with a certificate of its own', async (t) => {
  const authority = await makeAuthority(t);
  const { port, redis } = await startTls(t, authority.caFile, await authority.issue('IP:127.0.0.1'));
  const mine = await authority.issue('DNS:ratecache');
  const service = await serve(t, port, {
    REDIS_TLS_CA_FILE: authority.caFile,
    REDIS_TLS_CERT_FILE: mine.certFile,
    REDIS_TLS_KEY_FILE: mine.keyFile,
  });
  await reachesRedis(service);
  assert.equal((await put(service, 'tls:A', '1')).status, 201);
  assert.equal(await redis.cli('DBSIZE').then((keys) => keys !== '0'), true);
  assert.match(await redis.cli('CLIENT', 'LIST'), /name=ratecache-link/);
});

test('without its own certificate, a service reports that Redis requires one', async (t) => {
  const authority = await makeAuthority(t);
  const { port } = await startTls(t, authority.caFile, await authority.issue('IP:127.0.0.1'));
  const service = await serve(t, port, { REDIS_TLS_CA_FILE: authority.caFile });
  await fails(service, /Redis requires another certificate of this client/);
});

test('a certificate of an unknown authority is one line in the log, and the reason in /health', async (t) => {
  const [authority, other] = [await makeAuthority(t), await makeAuthority(t)];
  const { port, redis } = await startTls(t, authority.caFile, await authority.issue('IP:127.0.0.1'), 'no');
  const service = await serve(t, port, { REDIS_TLS_CA_FILE: other.caFile });
  await fails(service, /the certificate of Redis is not trusted .*: set REDIS_TLS_CA_FILE/);
  assert.doesNotMatch(await redis.cli('CLIENT', 'LIST'), /name=ratecache/);

  // The file is read for every connection, so a corrected file needs no restart.
  await copyFile(authority.caFile, other.caFile);
  await reachesRedis(service);
});

test('a certificate that became wrong is one line in the log too, after connections were lost', async (t) => {
  const authority = await makeAuthority(t);
  const { port, redis } = await startTls(t, authority.caFile, await authority.issue('IP:127.0.0.1'), 'no');
  const service = await serve(t, port, { REDIS_TLS_CA_FILE: authority.caFile });
  await reachesRedis(service);
  const { certFile, keyFile } = await authority.issue('DNS:another.test');
  await redis.cli('CONFIG', 'SET', 'tls-cert-file', certFile, 'tls-key-file', keyFile);
  for (const type of ['pubsub', 'normal']) await redis.cli('CLIENT', 'KILL', 'TYPE', type);
  await fails(service, /the certificate of Redis has another name/);
});

test('a certificate with another name is refused, unless REDIS_TLS_SERVERNAME is that name', async (t) => {
  const authority = await makeAuthority(t);
  const certificate = await authority.issue('DNS:redis.test');
  const { port } = await startTls(t, authority.caFile, certificate, 'no');
  const env = { REDIS_TLS_CA_FILE: authority.caFile };
  await fails(await serve(t, port, env), /another name .*: set REDIS_TLS_SERVERNAME/);
  await reachesRedis(await serve(t, port, { ...env, REDIS_TLS_SERVERNAME: 'redis.test' }));
});

test('a server without TLS is not used, and no password is sent to it', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const service = await serve(t, redis.port, { REDIS_PASSWORD: 'hunter2' });
  await fails(service, /the server does not speak TLS on this port/);
  assert.doesNotMatch(await redis.cli('INFO', 'commandstats'), /cmdstat_auth/);
});

test('a client certificate that cannot be read is a fault of the connection', async (t) => {
  const authority = await makeAuthority(t);
  const { port } = await startTls(t, authority.caFile, await authority.issue('IP:127.0.0.1'), 'no');
  const service = await serve(t, port, { REDIS_TLS_CA_FILE: '/nowhere/ca.pem' });
  await fails(service, /ENOENT.*\/nowhere\/ca\.pem/);
});

test('the host of the connection is sent as SNI, and REDIS_TLS_SERVERNAME instead of it', async (t) => {
  const authority = await makeAuthority(t);
  const redis = await startRedis();
  t.after(() => redis.stop());
  const { certFile, keyFile } = await authority.issue('DNS:localhost,DNS:redis.test');
  const named = new Set<string>();
  const port = await tlsFront(t, redis, { certFile, keyFile }, named);
  const env = { REDIS_TLS_CA_FILE: authority.caFile };
  await reachesRedis(await serve(t, port, { ...env, REDIS_HOST: 'localhost' }));
  assert.deepEqual([...named], ['localhost']);
  await reachesRedis(await serve(t, port, { ...env, REDIS_TLS_SERVERNAME: 'redis.test' }));
  assert.deepEqual([...named], ['localhost', 'redis.test']);
});

test('behind Sentinel, certificates of Sentinels and of Redis have the name REDIS_TLS_SERVERNAME', async (t) => {
  const authority = await makeAuthority(t);
  const certificate = await authority.issue('DNS:redis.test');
  const group = await startSentinels({ tls: { caFile: authority.caFile, ...certificate } });
  t.after(() => group.stop());
  const env = { ...PATIENT, ...group.env, REDIS_TLS: 'true', REDIS_TLS_CA_FILE: authority.caFile };
  const unnamed = await startService({ env });
  t.after(() => unnamed.stop());
  await fails(unnamed, /no Sentinel names the master rates .*another name/);
  const service = await startService({ env: { ...env, REDIS_TLS_SERVERNAME: 'redis.test' } });
  t.after(() => service.stop());
  await reachesRedis(service);
  assert.equal((await put(service, 'tls:A', '1')).status, 201);
});

/** A real Redis with a TLS port. @param clients `tls-auth-clients` */
async function startTls(t: TestContext, caFile: string, { certFile, keyFile }: Certificate, clients = 'yes') {
  const port = await freePort();
  const redis = await startRedis({
    args: [
      ...['--tls-port', String(port), '--tls-auth-clients', clients, '--tls-ca-cert-file', caFile],
      ...['--tls-cert-file', certFile, '--tls-key-file', keyFile],
    ],
  });
  t.after(() => redis.stop());
  return { port, redis };
}

async function serve(t: TestContext, port: number, env: Record<string, string>): Promise<Service> {
  const service = await startService({
    env: { ...PATIENT, ...redisEnv({ port }), REDIS_TLS: 'true', ...env },
  });
  t.after(() => service.stop());
  return service;
}

/** Waits until the log and /health report the fault, and asserts that the log has one line about it. */
async function fails(service: Service, fault: RegExp): Promise<void> {
  const reported = await until(async () => {
    const { redis, reasons } = (await (await service.fetch('/health')).json()) as {
      redis: { error?: string };
      reasons: string[];
    };
    return fault.test(redis.error ?? '') ? reasons : undefined;
  });
  assert.match(reported.join('\n'), fault);
  await service.waitForLog(({ error }) => fault.test(String(error)));
  assert.equal(service.logs.filter(({ error }) => fault.test(String(error))).length, 1);
}

/** A TLS server in front of a plaintext Redis. It records the names of SNI. */
async function tlsFront(
  t: TestContext,
  redis: RedisServer,
  { certFile, keyFile }: Certificate,
  named: Set<string>,
): Promise<number> {
  const server = createServer({ cert: readFileSync(certFile), key: readFileSync(keyFile) }, (client) => {
    named.add(String(client.servername));
    const upstream = connectTcp(redis.port, '127.0.0.1');
    for (const socket of [client, upstream]) socket.on('error', () => {});
    client.pipe(upstream).pipe(client);
  });
  server.listen(0);
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as { port: number }).port;
}
