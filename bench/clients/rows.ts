import type { Contender, Running, Work, Worked } from '../compare/contender.ts';
import { working } from '../compare/loads/working.ts';
import { by, type Row } from '../compare/row.ts';
import { startChild } from '../support/child.ts';
import { keyStreamOf } from '../support/zipf.ts';
import { PYTHON_NEEDS, startPython } from './python.ts';
import { KEYS } from './rates.ts';
import type { Ports } from './ways.ts';
import type { Job } from './worker.ts';

/** The rows of one language: with one read at a time, and with many. */
export interface Language {
  readonly title: string;
  readonly about: string;
  /** What ratios compare with, in short. */
  readonly comparedWith: string;
  readonly one: Row;
  readonly many: Row;
}

/** Reads under way at once in the rows `many`. */
export const MANY_READS = 64;

/** For one job. A busy machine fills a near cache within a few seconds. */
const ANSWER_TIMEOUT_MS = 120_000;

const WORKER = new URL('worker.ts', import.meta.url);

/** Names of `WAYS` in `ways.ts` and `worker.py`, and their titles. */
const NODE = {
  'near cache, peek': 'ratecache-client, near cache, `peek`',
  'near cache, get': 'ratecache-client, near cache, awaited `get`',
  'node-redis, client-side cache': 'node-redis with its client-side cache',
  'node-redis, client-side cache, unparsed': 'the same, without `JSON.parse`',
  ioredis: 'ioredis `GET` from Redis',
  ws: 'WebSocket (`ws`, JSON) by hand',
  'client over WebSocket': 'ratecache-client over WebSocket, no near cache',
  undici: 'HTTP (`undici`)',
  fetch: 'HTTP (`fetch`)',
  'client over HTTP': 'ratecache-client over HTTP',
};
const PYTHON = {
  'near cache, peek': 'ratecache, near cache, `peek`',
  'near cache, get': 'ratecache, near cache, awaited `get`',
  'client over WebSocket': 'ratecache over WebSocket, no near cache',
  'redis-py': 'redis-py `GET` from Redis, blocking',
  'redis-py, asyncio': 'redis-py `GET` from Redis, asyncio',
};
/** Calls that return a value, and no promise: more than one at a time cannot be under way. */
const BLOCKING = ['near cache, peek', 'redis-py'];

/** @param ports of the service and the Redis that the programs read from */
export function languages(ports: Ports): Language[] {
  return [
    language('Node', 'JSON text becomes an object in every line but one.', {
      comparedWith: 'node-redis',
      reference: 'node-redis, client-side cache',
      contenders: contenders(NODE, [], (name) => startNode(name, ports)),
    }),
    language('Python', 'redis-py 4.3.4 of Debian 12 has no client-side cache.', {
      comparedWith: 'redis-py',
      reference: 'redis-py',
      contenders: contenders(PYTHON, PYTHON_NEEDS, (name) => startPythonWay(name, ports)),
    }),
  ];
}

interface LanguageParts extends Pick<Language, 'comparedWith'> {
  readonly reference: string;
  readonly contenders: readonly Contender[];
}

function language(
  title: string,
  about: string,
  { comparedWith, reference, contenders }: LanguageParts,
): Language {
  const rowOf = (atATime: number, those: readonly Contender[]): Row => ({
    name: `${title} ${atATime}`,
    title: `${title}, ${atATime} at a time`,
    about,
    contestants: those.map((contender) => by(contender, working(atATime))),
    reference,
    figures: ['perSecond', 'cpuUs', 'p50Us'],
  });
  const many = contenders.filter(({ name }) => !BLOCKING.includes(name));
  return { title, about, comparedWith, one: rowOf(1, contenders), many: rowOf(MANY_READS, many) };
}

function contenders(
  titles: Readonly<Record<string, string>>,
  needs: readonly string[],
  start: (name: string) => Promise<Running>,
): Contender[] {
  return Object.entries(titles).map(([name, title]) => ({ name, title, needs, start: () => start(name) }));
}

async function startNode(name: string, ports: Ports): Promise<Running> {
  const worker = await startChild(WORKER, { args: [name], answerTimeoutMs: ANSWER_TIMEOUT_MS });
  return running(worker, ports);
}

async function startPythonWay(name: string, ports: Ports): Promise<Running> {
  return running(startPython(name, keyStreamOf(KEYS), ANSWER_TIMEOUT_MS), ports);
}

interface Worker {
  readonly pid: number;
  ask<Answer>(job: Job): Promise<Answer>;
  stop(): Promise<void>;
}

/** A pause ends connections and trust, so each run has new connections and a newly filled near cache. */
function running(worker: Worker, ports: Ports): Running {
  return {
    port: 0,
    pids: [worker.pid],
    pathOf: (key) => key,
    settle: async () => void (await worker.ask({ open: ports })),
    work: (job: Work) => worker.ask<Worked>(job),
    stop: worker.stop,
  };
}
