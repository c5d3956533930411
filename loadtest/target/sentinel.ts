import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { until } from '../support/until.ts';
import { kill } from './kill.ts';
import { freePort, type RedisServer, startRedis } from './redis-server.ts';
import { tether } from './tether.ts';

const NAME = 'rates';
const QUORUM = 2;
const START_TIMEOUT_MS = 60_000;

export type SentinelOptions = {
  /** Further options of each redis-server. */
  args?: readonly string[];
  /** How long a master must not answer before the Sentinels replace it. */
  downAfterMs?: number;
  /** Files of a certificate. With it, Sentinels and replicas use TLS, and the Sentinels name TLS ports. */
  tls?: { readonly caFile: string; readonly certFile: string; readonly keyFile: string };
  /** Returns the port at which Sentinels, replicas and clients see the first master; its own port by default. */
  front?: (master: RedisServer) => Promise<number>;
};

/** One master, two replicas and three Sentinels, all real processes on 127.0.0.1. */
export type SentinelGroup = {
  /** The servers. The first is the master at the start. */
  readonly servers: readonly RedisServer[];
  /** Variables of a service that uses these Sentinels. */
  readonly env: Record<string, string>;
  /** The port that the Sentinels name, as a majority. Undefined while they differ. */
  masterPort(): Promise<number | undefined>;
  /** Runs redis-cli against one Sentinel. */
  cli(index: number, ...args: string[]): Promise<string>;
  /** Stops or continues the process of one Sentinel. */
  signal(index: number, name: 'SIGSTOP' | 'SIGCONT'): void;
  stop(): Promise<void>;
};

/** Starts the group and waits until each Sentinel knows both replicas and the other Sentinels. */
export async function startSentinels(options: SentinelOptions = {}): Promise<SentinelGroup> {
  const { args = [], downAfterMs = 1000, front, tls } = options;
  const start = async (...more: string[]) => {
    const tlsPort = tls === undefined ? undefined : await freePort();
    const quick = ['--repl-diskless-sync-delay', '0', '--repl-ping-replica-period', '1', ...args];
    const server = await startRedis({ args: [...quick, ...tlsOf(tls, tlsPort).flatMap(dashed), ...more] });
    return { server, tlsPort };
  };
  const { server: master, tlsPort } = await start();
  const port = tlsPort ?? (await front?.(master)) ?? master.port;
  const replicaOf = ['--replicaof', `127.0.0.1 ${port}`];
  const servers = [master, (await start(...replicaOf)).server, (await start(...replicaOf)).server];
  await until(async () => /connected_slaves:2/.test(await master.cli('INFO', 'replication')), {
    timeoutMs: START_TIMEOUT_MS,
    everyMs: 20,
  });
  const dir = await mkdtemp(join(tmpdir(), 'ratecache-sentinel-'));
  const sentinels = await Promise.all([0, 1, 2].map(() => startSentinel(dir, port, downAfterMs, tls)));
  const cli = (index: number, ...command: string[]) => redisCli(sentinels[index]!.port, command);
  await until(
    async () => {
      const known = await Promise.all(sentinels.map((_, i) => cli(i, 'SENTINEL', 'MASTER', NAME)));
      return known.every((text) => /\nnum-slaves\n2\nnum-other-sentinels\n2\n/.test(text));
    },
    { timeoutMs: START_TIMEOUT_MS, everyMs: 50 },
  );

  return {
    servers,
    env: {
      REDIS_SENTINELS: sentinels.map((sentinel) => `127.0.0.1:${sentinel.seenPort}`).join(','),
      REDIS_SENTINEL_NAME: NAME,
      REDIS_PASSWORD: '',
    },
    async masterPort() {
      const named = await Promise.all(
        sentinels.map((_, i) => cli(i, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', NAME).catch(() => '')),
      );
      const ports = named.map((text) => Number(text.split('\n')[1]));
      return ports.find((each) => ports.filter((other) => other === each).length >= QUORUM);
    },
    cli,
    signal: (index, name) => void sentinels[index]!.child.kill(name),
    async stop() {
      for (const { child } of sentinels) await kill(child);
      for (const server of servers) await server.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** The settings of a server that uses TLS for replication and Sentinel. */
function tlsOf(tls: SentinelOptions['tls'], port: number | undefined): [name: string, value: string][] {
  if (tls === undefined) return [];
  return [
    ['tls-port', String(port)],
    ['tls-ca-cert-file', tls.caFile],
    ['tls-cert-file', tls.certFile],
    ['tls-key-file', tls.keyFile],
    ['tls-auth-clients', 'no'],
    ['tls-replication', 'yes'],
  ];
}

function dashed([name, value]: [string, string]): [string, string] {
  return [`--${name}`, value];
}

async function startSentinel(
  dir: string,
  masterPort: number,
  downAfterMs: number,
  tls: SentinelOptions['tls'],
) {
  const port = await freePort();
  const tlsPort = tls === undefined ? undefined : await freePort();
  const file = join(dir, `${port}.conf`);
  await writeFile(
    file,
    [
      `port ${port}`,
      ...tlsOf(tls, tlsPort).map((setting) => setting.join(' ')),
      'bind 127.0.0.1',
      `dir ${dir}`,
      `sentinel monitor ${NAME} 127.0.0.1 ${masterPort} ${QUORUM}`,
      `sentinel down-after-milliseconds ${NAME} ${downAfterMs}`,
      // Without this a second failover would wait for twice this time after the first.
      `sentinel failover-timeout ${NAME} 3000`,
      `sentinel parallel-syncs ${NAME} 2`,
      '',
    ].join('\n'),
  );
  const child = spawn('redis-server', [file, '--sentinel'], { stdio: ['ignore', 'pipe', 'pipe'] });
  tether(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output = (output + chunk).slice(-10_000);
    });
  await until(() => child.exitCode !== null || output.includes('+monitor'), { timeoutMs: START_TIMEOUT_MS });
  if (child.exitCode !== null) throw new Error(`the Sentinel did not start on port ${port}:\n${output}`);
  return { port, seenPort: tlsPort ?? port, child };
}

async function redisCli(port: number, args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('redis-cli', ['-e', '-p', String(port), ...args], {
    timeout: 5000,
  });
  return stdout.replace(/\n$/, '');
}
