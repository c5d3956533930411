import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../../loadtest/support/until.ts';
import type { RedisServer } from '../../loadtest/target/redis-server.ts';
import { reachesRedis } from '../../loadtest/target/replicas.ts';
import { type SentinelGroup, startSentinels } from '../../loadtest/target/sentinel.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { get } from '../support/client.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { startTraffic, type Traffic } from './traffic.ts';

/** How long traffic runs after the new master is named, so that a stale read has the time to show. */
const AFTER_MS = 3000;

interface Stage {
  readonly group: SentinelGroup;
  /** The master at the start, and what stands before it. */
  readonly master: RedisServer;
  readonly front: TcpProxy;
  readonly services: readonly [Service, Service];
  readonly traffic: Traffic;
}

const FAULTS: Readonly<Record<string, (stage: Stage) => Promise<void>>> = {
  'the master is killed': async ({ master }) => master.signal('SIGKILL'),
  'the master sleeps': async (stage) => void sleepUntilReplaced(stage).catch(() => {}),
  'the master is cut off from everyone': async ({ front }) => front.freeze(),
  'the master is cut off from the Sentinels alone': async ({ front }) =>
    front.freeze({ saying: 'sentinel-' }),
};

/**
 * Makes the master sleep until the Sentinels have named another one. They repeat a lost election after six seconds at the
 * earliest, so one sleep may be too short. The master answers again afterwards, and is then made a replica.
 */
async function sleepUntilReplaced({ group, front, master }: Stage): Promise<void> {
  do await master.cli('DEBUG', 'SLEEP', '6');
  while ([undefined, front.port].includes(await group.masterPort()));
}

for (const [fault, begin] of Object.entries(FAULTS))
  test(`when ${fault}, no read fails, none is stale beyond the bound, and no confirmed write is lost`, async (t) => {
    const stage = await startStage(t);
    const { group, front, master, traffic } = stage;
    await pause(500);
    await begin(stage);
    await until(async () => ![undefined, front.port].includes(await group.masterPort()), {
      timeoutMs: 60_000,
      everyMs: 50,
    });
    await pause(AFTER_MS);

    // The old master returns, empty after a crash, and becomes a replica of the new one.
    if (fault === 'the master is killed') await master.restart();
    front.thaw();
    await until(async () => (await master.cli('INFO', 'replication')).includes('role:slave'), {
      timeoutMs: 60_000,
      everyMs: 50,
    });
    await pause(AFTER_MS);
    await traffic.stop();
    await settled(stage);
    const { verdict } = traffic;
    t.diagnostic(JSON.stringify({ ...verdict, writes: Object.fromEntries(verdict.writes) }));
    assert.ok(verdict.reads > 500, `${verdict.reads} reads`);
    assert.deepEqual(verdict.failedReads, []);
    assert.deepEqual(verdict.staleReads, []);
    assert.deepEqual(verdict.lostOwnWrites, []);
    assert.ok([...verdict.writes.keys()].every((status) => status < 300));
  });

test('when the old master returns as a master, every connection stays with the new one', async (t) => {
  const stage = await startStage(t);
  const { group, front, master, services, traffic } = stage;
  await master.signal('SIGKILL');
  await until(async () => ![undefined, front.port].includes(await group.masterPort()), {
    timeoutMs: 60_000,
    everyMs: 50,
  });
  for (const service of services) await reachesRedis(service);
  // Without Sentinels, nothing makes the old master a replica.
  for (const i of [0, 1, 2]) group.signal(i, 'SIGSTOP');
  await master.restart();
  await pause(AFTER_MS);
  assert.doesNotMatch(await master.cli('CLIENT', 'LIST'), /name=ratecache-(data|link|admin)/);
  for (const i of [0, 1, 2]) group.signal(i, 'SIGCONT');
  await traffic.stop();
  await settled(stage);
  assert.deepEqual(traffic.verdict.failedReads, []);
  assert.deepEqual(traffic.verdict.lostOwnWrites, []);
});

async function startStage(t: TestContext): Promise<Stage> {
  let front: TcpProxy | undefined;
  const group = await startSentinels({
    args: ['--enable-debug-command', 'yes'],
    front: async (master) => {
      front = await startTcpProxy(master);
      return front.port;
    },
  });
  t.after(async () => {
    await group.stop();
    await front!.close();
  });
  // A write that one replica has survives every failover of one master.
  const env = {
    ...group.env,
    REDIS_MIN_REPLICAS_ACK: '1',
    // A busy machine is late and slow; the bound of a second includes the first.
    REDIS_COMMAND_TIMEOUT_MS: '300',
    CALCULATION_RESULT_TTL: '3600',
    SHUTDOWN_GRACE_MS: '0',
    OVERLOAD_LOOP_DELAY_MS: '0',
  };
  const [one, two] = await Promise.all([startService({ env }), startService({ env })]);
  t.after(() => Promise.all([one.stop(), two.stop()]));
  const services = [one, two] as const;
  for (const service of services) await reachesRedis(service);
  const traffic = await startTraffic(...services);
  t.after(() => traffic.stop());
  return { group, master: group.servers[0]!, front: front!, services, traffic };
}

/** Waits until no write is pending, and asserts that both replicas read the last write of each key from Redis. */
async function settled({ services, traffic }: Stage): Promise<void> {
  for (const service of services) {
    await reachesRedis(service);
    await until(async () => {
      const body = (await (await service.fetch('/health')).json()) as { pending_writes: { entries: number } };
      return body.pending_writes.entries === 0;
    });
  }
  for (const [key, value] of traffic.last)
    for (const service of services)
      await until(async () => Number(await (await get(service, key)).text()) === value);
}
