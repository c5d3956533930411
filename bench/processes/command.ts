/** `make bench-processes`. */
import { setTimeout as pause } from 'node:timers/promises';
import { Command } from 'commander';
import { median } from '../../loadtest/support/median.ts';
import { pin, SERVER_CORE } from '../../loadtest/support/pin.ts';
import { connect } from '../../loadtest/support/raw-http.ts';
import { until } from '../../loadtest/support/until.ts';
import { type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import { PATIENT, reachesRedis, redisEnv } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { whole } from '../../src/cli/flags.ts';
import { count, significant } from '../../src/format.ts';
import { cpuSeconds, treeOf } from '../compare/process-tree.ts';
import { machineSentence } from '../support/machine.ts';
import { need } from '../support/need.ts';
import { endProgress, progress } from '../support/progress.ts';
import { record, type Section, show } from '../support/report.ts';
import { Sockets } from './sockets.ts';
import { type Answered, KEYS, REQUESTS, runWrk } from './wrk.ts';

const PROCESSES = [2, 4];
const SOCKETS = [20, 100, 1000];
/** The supervisor looks every five seconds. */
const LOOK_MS = 5000;
const MOST_LOOKS = 40;
const CONNECTIONS = 32;

interface Options {
  readonly rounds: number;
  readonly seconds: number;
  readonly record: boolean;
  readonly only?: 'spread' | 'requests';
}

export const processes = new Command('processes')
  .description(
    'Measures how connections spread over the processes of a service, and what a request costs with one and two.',
  )
  .option('--rounds <n>', 'rounds of the requests; their medians count', whole(1), 5)
  .option('--seconds <n>', 'how long the requests of a round are sent', whole(1), 3)
  .option('--only <part>', 'spread or requests')
  .option('--record', 'write the tables to docs/deployment/processes.md', false)
  .action(run);

async function run({ rounds, seconds, only, record: isRecorded }: Options): Promise<void> {
  need('wrk');
  const started = Date.now();
  const redis = await startRedis();
  try {
    const sections: Section[] = [];
    if (only !== 'spread') sections.push(...(await requests(redis, rounds, seconds)));
    if (only !== 'requests') sections.push(...(await spreads(redis)));
    endProgress();
    const how = {
      text: machineSentence(started, `${rounds} rounds of ${seconds} s for the requests, medians`),
    };
    show([how, ...sections]);
    if (isRecorded) record('deployment/processes.md', 'bench-processes', [how, ...sections]);
  } finally {
    await redis.stop();
  }
}

function start(redis: RedisServer, number: number): Promise<Service> {
  const env = { ...redisEnv(redis), ...PATIENT, PROCESSES: String(number), LOCAL_CACHE_TTL: '600' };
  return startService({ env });
}

async function requests(redis: RedisServer, rounds: number, seconds: number): Promise<Section[]> {
  const cases = [false, true].flatMap((pinned) => REQUESTS.map((request) => ({ request, pinned })));
  const results = cases.map((each) => ({ ...each, one: [] as Answered[], two: [] as Answered[] }));
  for (let round = 1; round <= rounds; round++)
    for (const number of [1, 2] as const) {
      const service = await start(redis, number);
      await reachesRedis(service);
      await fillEach(service);
      const pids = treeOf([service.pid]);
      for (const { request, pinned, one, two } of results) {
        // One core for the processes, and the other for wrk: only what two processes cost is left.
        if (pinned) for (const pid of [redis.pid, ...pids]) pin(SERVER_CORE, pid);
        progress(`round ${round} of ${rounds}: ${request.name}, ${number} processes`);
        const answered = await runWrk(
          service.port,
          request,
          { connections: CONNECTIONS, seconds, pinned },
          () => cpuSeconds(pids),
        );
        (number === 1 ? one : two).push(answered);
      }
      await service.stop();
    }
  const medianOf = (all: readonly Answered[], read: (each: Answered) => number) => median(all.map(read));
  const lines = results.map(({ request, pinned, one, two }) => {
    const [rate, twice] = [one, two].map((all) => medianOf(all, ({ perSecond }) => perSecond)) as [
      number,
      number,
    ];
    const [cpu, cpuOfTwo] = [one, two].map((all) => medianOf(all, ({ cpuMicros }) => cpuMicros)) as [
      number,
      number,
    ];
    return [
      pinned ? `${request.name}, on one core` : request.name,
      count(Math.round(rate)),
      count(Math.round(twice)),
      significant(twice / rate),
      significant(cpu),
      significant(cpuOfTwo),
      significant(cpuOfTwo / cpu),
    ];
  });
  const head = [
    'request',
    'one: per second',
    'two: per second',
    'ratio',
    'one: CPU µs',
    'two: CPU µs',
    'ratio',
  ];
  const text = `One and two processes, CPU per request. ${CONNECTIONS} connections of wrk, which shares the cores of the machine:`;
  return [{ title: 'Requests', text, table: { head, lines } }];
}

/** Fills the L1 of every process: the kernel spreads the connections. */
async function fillEach(service: Service): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const keys = Array.from({ length: KEYS }, (_, i) => `bench:${i}`);
  for (const key of keys)
    await service.fetch(`/v1/cache/${key}?ttl=3600`, { method: 'PUT', headers, body: '{"rate":0.0325}' });
  const body = JSON.stringify({ keys });
  for (let i = 0; i < 40; i++) {
    const connection = await connect(service.port);
    await connection.send(
      `POST /v1/mget HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    await connection.readResponses(1);
    connection.destroy();
  }
}

async function spreads(redis: RedisServer): Promise<Section[]> {
  const lines: string[][] = [];
  for (const number of PROCESSES) {
    const service = await start(redis, number);
    for (const sockets of SOCKETS) lines.push(await spread(service, number, sockets));
    await service.stop();
  }
  const head = [
    'processes',
    'sockets',
    'as the kernel spread them',
    'from even',
    'after',
    'spread',
    'from even',
    'closed',
  ];
  const text =
    'WebSockets of clients that connect at once, and connect again when they are closed. ' +
    '`after` is the time until the spread is within a fifth of an even one:';
  return [{ title: 'Spread', text, table: { head, lines } }];
}

async function spread(service: Service, number: number, total: number): Promise<string[]> {
  progress(`spread: ${total} sockets over ${number} processes`);
  const sockets = await Sockets.connect(service.port, total);
  try {
    const first = await countsOf(service, total);
    const started = performance.now();
    let counts = first;
    for (let looks = 0; !isEven(counts) && looks < MOST_LOOKS; looks++) {
      await pause(LOOK_MS / 2);
      counts = await countsOf(service, total);
    }
    const seconds = Math.round((performance.now() - started) / 1000);
    return [
      String(number),
      count(total),
      first.join(' '),
      deviation(first),
      isEven(first) ? 'at once' : `${seconds} s`,
      counts.join(' '),
      deviation(counts),
      String(sockets.closed),
    ];
  } finally {
    await sockets.close();
    await countsOf(service, 0);
  }
}

/** The number of sockets of each process, when all clients are connected. */
function countsOf(service: Service, total: number): Promise<number[]> {
  return until(async () => {
    const text = await (await service.fetch('/metrics')).text();
    const counts = [...text.matchAll(/^ratecache_ws_connections\{process="\d+"\} (\d+)$/gm)].map(([, each]) =>
      Number(each),
    );
    return counts.reduce((sum, each) => sum + each, 0) === total && counts;
  }) as Promise<number[]>;
}

function isEven(counts: readonly number[]): boolean {
  const even = counts.reduce((sum, each) => sum + each, 0) / counts.length;
  return counts.every((each) => Math.abs(each - even) <= Math.max(1, even * 0.2));
}

function deviation(counts: readonly number[]): string {
  const even = counts.reduce((sum, each) => sum + each, 0) / counts.length;
  return `${Math.round((100 * Math.max(...counts.map((each) => Math.abs(each - even)))) / even)} %`;
}
