/** The faults of a group of Sentinels: the master is replaced, and the old master returns. */
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../loadtest/support/until.ts';
import type { Fault } from './faults.ts';
import type { SentinelStage } from './sentinel-stage.ts';

export interface SentinelFault extends Fault<SentinelStage> {
  /** Variables of the replicas. */
  readonly env?: Readonly<Record<string, string>>;
}

const SETTLE = { timeoutMs: 60_000, everyMs: 50 };

/** Stops replication for a moment, then kills the master: the replicas never receive the last changes. */
async function killAheadOfReplicas({ victim }: SentinelStage): Promise<void> {
  await victim.cli('CONFIG', 'SET', 'requirepass', 'unknown to the replicas');
  await victim.cli('-a', 'unknown to the replicas', '--no-auth-warning', 'CLIENT', 'KILL', 'TYPE', 'replica');
  await sleep(600);
  await victim.signal('SIGKILL');
}

/** The Sentinels name another master. */
async function replaced({ group, front }: SentinelStage): Promise<void> {
  await until(async () => ![undefined, front.port].includes(await group.masterPort()), SETTLE);
}

/** The old master is a replica of the new master, with its data. */
async function returned({ victim }: SentinelStage): Promise<void> {
  await until(
    async () => /role:slave[\s\S]*master_link_status:up/.test(await victim.cli('INFO', 'replication')),
    SETTLE,
  );
}

async function replace(stage: SentinelStage): Promise<void> {
  await replaced(stage);
  await stage.victim.restart();
  await returned(stage);
}

/** Ends a fault that cut the master off: a replica has replaced it, and it returns. */
async function thawReplaced(stage: SentinelStage): Promise<void> {
  await replaced(stage);
  stage.front.thaw();
  await returned(stage);
}

const ACK = { REDIS_MIN_REPLICAS_ACK: '1' };

export const SENTINEL_FAULTS: readonly SentinelFault[] = [
  {
    name: 'the master is killed, and returns as a replica',
    begin: ({ victim }) => victim.signal('SIGKILL'),
    end: replace,
    holdMs: 500,
    postpones: true,
    mayLose: true,
  },
  {
    name: 'the master is killed, with REDIS_MIN_REPLICAS_ACK=1',
    begin: ({ victim }) => victim.signal('SIGKILL'),
    end: replace,
    holdMs: 500,
    postpones: true,
    mayLose: true,
    env: ACK,
  },
  {
    name: 'the master is killed while its replicas are behind',
    begin: killAheadOfReplicas,
    end: replace,
    holdMs: 500,
    postpones: true,
    mayLose: true,
  },
  {
    name: 'the master is killed while its replicas are behind, with REDIS_MIN_REPLICAS_ACK=1',
    begin: killAheadOfReplicas,
    end: replace,
    holdMs: 500,
    postpones: true,
    mayLose: true,
    env: ACK,
  },
  {
    name: 'the master is blocked until a replica has replaced it (DEBUG SLEEP)',
    begin: async ({ victim }) => void victim.cli('DEBUG', 'SLEEP', '8').catch(() => {}),
    async end(stage) {
      await replaced(stage);
      await returned(stage);
    },
    holdMs: 1000,
    postpones: true,
    mayLose: true,
  },
  {
    name: 'the master is cut off from everyone, and returns',
    begin: async ({ front }) => front.freeze(),
    end: thawReplaced,
    holdMs: 1000,
    postpones: true,
    mayLose: true,
  },
  {
    // Until the Sentinels reach it again, it still is a master for its clients.
    name: 'the master is cut off from the Sentinels alone, and returns',
    begin: async ({ front }) => front.freeze({ saying: 'sentinel-' }),
    end: thawReplaced,
    holdMs: 1000,
    postpones: false,
    silent: true,
    mayLose: true,
  },
  {
    // Both replicas must have a write, because either of them may become the master.
    name: 'the master is cut off from the Sentinels alone, and returns, with REDIS_MIN_REPLICAS_ACK=2',
    begin: async ({ front }) => front.freeze({ saying: 'sentinel-' }),
    end: thawReplaced,
    holdMs: 1000,
    postpones: false,
    silent: true,
    mayLose: true,
    env: { REDIS_MIN_REPLICAS_ACK: '2' },
  },
  {
    name: 'the Sentinels are asked for a failover (SENTINEL FAILOVER)',
    async begin({ group }) {
      await group.cli(0, 'SENTINEL', 'FAILOVER', group.env.REDIS_SENTINEL_NAME!);
    },
    async end(stage) {
      await replaced(stage);
      await returned(stage);
    },
    holdMs: 0,
    postpones: false,
    silent: true,
    mayLose: true,
  },
];
