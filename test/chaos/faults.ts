/** The faults: how each fault begins and ends, and its special expectations. */
import { setTimeout as sleep } from 'node:timers/promises';
import { again, killConnections, PASSWORD, type ServerStage, type Stage } from './stage.ts';

/** A fault of a target. */
export interface Fault<Target extends Stage> {
  readonly name: string;
  readonly begin: (stage: Target) => Promise<unknown>;
  readonly end: (stage: Target) => Promise<unknown>;
  /** The duration of the fault, in ms. */
  readonly holdMs: number;
  /** Whether writes return 202 during the fault, which proves that the fault affects them. */
  readonly postpones: boolean;
  /** Redis comes back without its data. */
  readonly losesData?: boolean;
  /** Redis may lose writes that it has acknowledged, because replication is asynchronous. They are reported only. */
  readonly mayLose?: boolean;
  /** Nothing is lost for readers and writers, so nothing needs to be noticed. */
  readonly silent?: boolean;
  /** The fault repeats, and each repetition may be logged. */
  readonly repeats?: boolean;
  /** The outages that the fault consists of; 1 by default. */
  readonly outages?: number;
}

export interface ServerFault extends Fault<ServerStage> {
  /** Redis starts without a password. */
  readonly withoutPassword?: boolean;
}

const nothing = async () => {};

export const FAULTS: readonly ServerFault[] = [
  {
    name: 'slow: 200 ms each way',
    begin: async ({ proxy }) => proxy.delay(200),
    end: async ({ proxy }) => proxy.delay(0),
    holdMs: 3000,
    postpones: true,
  },
  {
    // Longer than the command time-out, and within the tolerance of the heartbeat.
    name: 'slow: 120 ms round trip',
    begin: async ({ proxy }) => proxy.delay(60),
    end: async ({ proxy }) => proxy.delay(0),
    holdMs: 4000,
    postpones: true,
  },
  {
    name: 'connections reset again and again',
    begin: ({ proxy }) => again(100, 2500, () => proxy.cut()),
    end: nothing,
    holdMs: 0,
    postpones: true,
    repeats: true,
  },
  {
    // The other replica keeps writing, so a replay finds newer values.
    name: 'connections refused',
    begin: async ({ proxy }) => {
      proxy.accept(false);
      proxy.cut();
    },
    end: async ({ proxy }) => proxy.accept(true),
    holdMs: 2000,
    postpones: true,
  },
  {
    name: 'half open',
    begin: async ({ proxy }) => proxy.freeze(),
    end: async ({ proxy }) => proxy.thaw(),
    holdMs: 5000,
    postpones: true,
  },
  {
    name: 'half open, replies only',
    begin: async ({ proxy }) => proxy.freeze({ direction: 'down' }),
    end: async ({ proxy }) => proxy.thaw(),
    holdMs: 2500,
    postpones: true,
  },
  {
    name: 'half open, link only',
    begin: async ({ proxy }) => proxy.freeze({ direction: 'down', saying: 'ratecache-link' }),
    end: async ({ proxy }) => proxy.thaw(),
    holdMs: 2500,
    postpones: false,
  },
  {
    // Bytes sent on a half-open connection arrive after writes on the connection that replaced it.
    name: 'half open, old bytes come late',
    begin: async ({ garbler }) => garbler.strand(),
    async end({ garbler }) {
      garbler.release();
      await sleep(100);
    },
    holdMs: 6500,
    postpones: true,
  },
  {
    name: 'garbage',
    begin: async ({ garbler }) => garbler.garble(true),
    end: async ({ garbler }) => garbler.garble(false),
    holdMs: 2500,
    postpones: true,
  },
  {
    name: 'killed, back with its data',
    begin: ({ redis }) => redis.signal('SIGKILL'),
    end: ({ bringBack }) => bringBack(true),
    holdMs: 2000,
    postpones: true,
  },
  {
    name: 'killed, back empty',
    begin: ({ redis }) => redis.signal('SIGKILL'),
    end: ({ bringBack }) => bringBack(false),
    holdMs: 1500,
    postpones: true,
    losesData: true,
  },
  {
    name: 'frozen 2 s',
    begin: ({ redis }) => redis.signal('SIGSTOP'),
    end: ({ redis }) => redis.signal('SIGCONT'),
    holdMs: 2000,
    postpones: true,
  },
  {
    name: 'frozen 5 s',
    begin: ({ redis }) => redis.signal('SIGSTOP'),
    end: ({ redis }) => redis.signal('SIGCONT'),
    holdMs: 5000,
    postpones: true,
  },
  {
    name: 'full (OOM)',
    begin: ({ control }) => control('CONFIG', 'SET', 'maxmemory', '1'),
    end: ({ control }) => control('CONFIG', 'SET', 'maxmemory', '0'),
    holdMs: 3000,
    postpones: true,
  },
  {
    // The master is unreachable: Redis keeps its data and refuses writes.
    name: 'replica (READONLY)',
    begin: ({ control }) => control('REPLICAOF', '127.0.0.1', '1'),
    end: ({ control }) => control('REPLICAOF', 'NO', 'ONE'),
    holdMs: 3000,
    postpones: true,
  },
  {
    name: 'no permission (NOPERM)',
    begin: ({ control }) => control('ACL', 'SETUSER', 'default', '-@all'),
    end: ({ control }) => control('ACL', 'SETUSER', 'default', '+@all'),
    holdMs: 2500,
    postpones: true,
  },
  {
    name: 'other password (WRONGPASS)',
    async begin(stage) {
      await stage.control('CONFIG', 'SET', 'requirepass', 'other');
      await killConnections(stage, 'ratecache-');
    },
    end: ({ control }) => control('CONFIG', 'SET', 'requirepass', PASSWORD),
    holdMs: 2000,
    postpones: true,
  },
  {
    name: 'password wanted (NOAUTH)',
    async begin(stage) {
      await stage.control('CONFIG', 'SET', 'requirepass', PASSWORD);
      await killConnections(stage, 'ratecache-');
    },
    end: ({ control }) => control('CONFIG', 'SET', 'requirepass', ''),
    holdMs: 2000,
    postpones: true,
    withoutPassword: true,
  },
  ...['data', 'link', 'admin'].map((name) => ({
    name: `${name} connection killed`,
    begin: (stage: ServerStage) => again(250, 1500, () => killConnections(stage, `ratecache-${name}`)),
    end: nothing,
    holdMs: 0,
    postpones: name === 'data',
    repeats: true,
  })),
  {
    name: 'blocked (DEBUG SLEEP)',
    async begin({ control }) {
      void control('DEBUG', 'SLEEP', '2').catch(() => {});
    },
    end: nothing,
    holdMs: 2000,
    postpones: true,
  },
  {
    name: 'busy script (BUSY)',
    async begin({ connection }) {
      // The script needs its own connection, because Redis does not answer that connection.
      const runner = connection.duplicate({ enableOfflineQueue: true });
      runner.on('error', () => {});
      void runner
        .eval('while true do end', 0)
        .catch(() => {})
        .finally(() => runner.disconnect());
      await sleep(150);
    },
    end: ({ control }) => control('SCRIPT', 'KILL'),
    holdMs: 2500,
    postpones: true,
  },
  {
    name: 'too many clients',
    async begin(stage) {
      await stage.control('CONFIG', 'SET', 'maxclients', '1');
      await killConnections(stage, 'ratecache-');
    },
    end: ({ control }) => control('CONFIG', 'SET', 'maxclients', '10000'),
    holdMs: 2000,
    postpones: true,
  },
];

/** The faults of the short form. */
export const REPRESENTATIVE: readonly string[] = [
  'slow: 120 ms round trip',
  'slow: 200 ms each way',
  'half open, replies only',
  'killed, back empty',
  'frozen 2 s',
  'full (OOM)',
];

export function faultNamed(name: string): ServerFault {
  const fault = FAULTS.find((each) => each.name === name);
  if (fault === undefined) throw new Error(`unknown fault ${name}`);
  return fault;
}
