/** A service of two processes, with a port of operators. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { connect } from '../../loadtest/support/raw-http.ts';
import { until } from '../../loadtest/support/until.ts';
import type { RedisServer } from '../../loadtest/target/redis-server.ts';
import { PATIENT, redisEnv } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import type { HealthBody } from '../../src/metrics/health.ts';

export type Operated = Service & { readonly ops: (path: string) => Promise<Response> };

export async function startTwo(
  t: TestContext,
  redis: RedisServer,
  env: Record<string, string> = {},
): Promise<Operated> {
  const service = await startService({
    env: { ...redisEnv(redis), ...PATIENT, PROCESSES: '2', OPS_PORT: '0', ...env },
  });
  t.after(async () => {
    await service.stop();
  });
  const { ops_port: port } = await service.waitForLog(({ msg }) => msg === 'listening');
  return { ...service, ops: (path) => fetch(`http://127.0.0.1:${port}${path}`) };
}

export async function healthOf(service: Operated): Promise<HealthBody> {
  return (await (await service.ops('/health')).json()) as HealthBody;
}

export async function allHealthy(service: Operated): Promise<NonNullable<HealthBody['processes']>> {
  return until(async () => {
    const { status, processes } = await healthOf(service);
    return status === 'healthy' ? processes : undefined;
  });
}

/** The pid of a process. */
export async function pidOf(service: Operated, process: number): Promise<number> {
  return (await allHealthy(service)).find((each) => each.process === process)!.pid!;
}

export async function counterOf(service: Operated, series: string): Promise<number> {
  const text = await (await service.ops('/metrics')).text();
  const line = text.split('\n').find((each) => each.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1));
}

/** Reads the key on so many new connections, which the kernel spreads. */
export async function readOften(service: Service, key: string, times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    const connection = await connect(service.port);
    await connection.send(`GET /v1/cache/${key} HTTP/1.1\r\nHost: x\r\n\r\n`);
    const [answer] = await connection.readResponses(1);
    connection.destroy();
    assert.equal(answer!.status, 200);
  }
}
