/** Replicas without HTTP in one process: each has its connections, its link and its heartbeat. One of them writes. */
import { setTimeout as pause, setImmediate } from 'node:timers/promises';
import { until } from '../../loadtest/support/until.ts';
import { keep } from '../../src/cache/entry.ts';
import { loadConfig } from '../../src/config/config.ts';
import { createLog } from '../../src/log.ts';
import { type Core, composeCore } from '../../src/service/compose.ts';
import { answerParent } from '../support/child.ts';

export interface ReplicasJob {
  /** Starts the replicas; the next jobs write. */
  readonly start?: { readonly port: number; readonly count: number; readonly linked: boolean };
  readonly write?: { readonly count: number; readonly perSecond: number };
}

export interface Written {
  /** Writes that Redis confirmed. */
  readonly confirmed: number;
  readonly seconds: number;
}

const KEYS = 1000;
const LONGEST_PAUSE_MS = 1;
const CONFIRMED = ['created', 'replaced'];
const BODY = keep('json', Buffer.from(JSON.stringify({ rate: 'x'.repeat(80) })));

const cores: Core[] = [];

answerParent(async ({ start, write }: ReplicasJob): Promise<Written | undefined> => {
  if (start !== undefined) await open(start);
  return write && (await send(write));
});

async function open({ port, count, linked }: NonNullable<ReplicasJob['start']>): Promise<void> {
  const env = {
    REDIS_HOST: '127.0.0.1',
    REDIS_PORT: String(port),
    REDIS_PASSWORD: '',
    REDIS_COMMAND_TIMEOUT_MS: '5000',
    HEARTBEAT_TIMEOUT_MS: '30000',
    ENABLE_PUBSUB: String(linked),
    ENABLE_CACHE_STATS: 'false',
  };
  const { config } = loadConfig(env, { standalone: false });
  for (let i = 0; i < count; i++) cores.push(composeCore(config, createLog('silent')));
  await until(() => cores.every(({ cache }) => cache.coherence === (linked ? 'coherent' : 'off')));
}

/** Sends each write when it is due, in its own turn of the event loop, so that each is one call of the script. */
async function send({ count, perSecond }: NonNullable<ReplicasJob['write']>): Promise<Written> {
  const { cache } = cores[0]!;
  const began = performance.now();
  const outcomes: Promise<boolean>[] = [];
  for (let i = 0; i < count; i++) {
    const due = began + (i * 1000) / perSecond;
    while (performance.now() < due) await pause(LONGEST_PAUSE_MS);
    const written = cache.set(`borrow_rate:${i % KEYS}`, { encoding: 'json', body: BODY });
    outcomes.push(written.then(({ status }) => CONFIRMED.includes(status)));
    await setImmediate();
  }
  const confirmed = (await Promise.all(outcomes)).filter(Boolean).length;
  return { confirmed, seconds: (performance.now() - began) / 1000 };
}
