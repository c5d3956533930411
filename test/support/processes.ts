/** A service of two processes, with a port of operators. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import type { RedisServer } from '../../loadtest/target/redis-server.ts';
import { PATIENT, redisEnv } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import type { HealthBody } from '../../src/metrics/health.ts';
import type { StatsBody } from '../../src/metrics/stats.ts';
import { PROCESS_ANSWER_MS } from '../../src/service/supervisor/questions.ts';
import { answerOnNew } from './new-connection.ts';

export type Operated = Service & {
  readonly opsPort: number;
  readonly ops: (path: string) => Promise<Response>;
};

export async function startTwo(
  t: Pick<TestContext, 'after'>,
  redis: RedisServer,
  env: Record<string, string> = {},
): Promise<Operated> {
  const service = await startService({
    env: { ...redisEnv(redis), ...PATIENT, PROCESSES: '2', OPS_PORT: '0', ...env },
  });
  t.after(async () => {
    await service.stop();
  });
  const { ops_port } = await service.waitForLog(({ msg }) => msg === 'listening');
  const opsPort = Number(ops_port);
  return { ...service, opsPort, ops: (path) => fetch(`http://127.0.0.1:${opsPort}${path}`) };
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

/** The value of a series in a scrape that so many processes have answered. */
export async function counterOf(service: Operated, series: string, answering = 2): Promise<number> {
  const text = await until(async () => {
    const scrape = await (await service.ops('/metrics')).text();
    return valueIn(scrape, 'ratecache_processes_answering') === answering ? scrape : undefined;
  });
  return valueIn(text, series);
}

function valueIn(scrape: string, series: string): number {
  const line = scrape.split('\n').find((each) => each.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1));
}

/** The statistics that both processes have answered. */
export function statsOf(service: Operated): Promise<StatsBody> {
  return until(async () => {
    const body = (await (await service.ops('/stats')).json()) as StatsBody;
    return body.processes === 2 ? body : undefined;
  });
}

/** Asks until the answer comes sooner than the supervisor waits for a process: then no process is missing in it. */
export function whole<T>(ask: () => Promise<T>): Promise<NonNullable<T>> {
  return until(async () => {
    const from = performance.now();
    const answer = await ask();
    return performance.now() - from < PROCESS_ANSWER_MS ? answer : undefined;
  });
}

/** Reads the key on so many new connections, which the kernel spreads. */
export async function readOften(service: Service, key: string, times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    const { status } = await answerOnNew(service.port, `GET /v1/cache/${key} HTTP/1.1\r\nHost: x\r\n\r\n`);
    assert.equal(status, 200);
  }
}

/** The ports of the clients that are connected to this process. */
export function clientPortsOf(pid: number): Set<number> {
  const files = readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      // Closed meanwhile.
      return '';
    }
  });
  const open = new Set(files);
  const connections = readFileSync(`/proc/${pid}/net/tcp`, 'utf8').trim().split('\n').slice(1);
  const own = connections
    .map((line) => line.trim().split(/\s+/))
    .filter(({ 9: inode }) => open.has(`socket:[${inode}]`));
  return new Set(own.map(({ 2: remote }) => Number.parseInt(remote!.split(':')[1]!, 16)));
}
