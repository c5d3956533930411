/** `ratecache stats`: prints statistics once, or repeatedly. */
import { setTimeout as pause } from 'node:timers/promises';
import type { HealthBody } from '../metrics/health.ts';
import type { StatsBody } from '../metrics/stats.ts';
import { problemText } from '../service-answer.ts';
import { type Answer, callService, NOT_RATECACHE } from './call-service.ts';
import { Failure } from './exits.ts';
import type { ServiceOptions } from './flags.ts';
import { outputIsOpen } from './output.ts';
import { serviceToken } from './service-token.ts';
import type { Snapshot } from './snapshot.ts';
import { statsText } from './stats-text.ts';

export interface StatsOptions extends ServiceOptions {
  /** Seconds between two outputs; undefined prints once. */
  readonly watch?: number;
  readonly json?: boolean;
}

const CLEAR_SCREEN = '\u001b[H\u001b[2J';

export async function showStats(options: StatsOptions): Promise<void> {
  const { watch, json } = options;
  let before: Snapshot | undefined;
  for (;;) {
    if (json) process.stdout.write(`${(await get(options, '/stats')).text}\n`);
    else {
      const text = await snapshot(options).then(
        (now) => {
          const text = statsText(now, before);
          before = now;
          return text;
        },
        // While watching, go on, so that the output shows when a restarted service is reachable again.
        (error: Error) => {
          if (watch === undefined) throw error;
          return error.message;
        },
      );
      process.stdout.write(`${watch !== undefined && process.stdout.isTTY ? CLEAR_SCREEN : ''}${text}\n`);
    }
    if (watch === undefined || !outputIsOpen()) return;
    await pause(watch * 1000);
  }
}

async function snapshot(options: StatsOptions): Promise<Snapshot> {
  const [stats, health] = await Promise.all([get(options, '/stats'), get(options, '/health')]);
  return {
    url: options.url,
    atMs: performance.now(),
    stats: stats.body as StatsBody | { readonly enabled: false },
    health: health.body as HealthBody,
  };
}

async function get({ url, timeout: timeoutMs, tokenFile }: StatsOptions, path: string): Promise<Answer> {
  const answer = await callService(url, { path, timeoutMs, token: serviceToken(tokenFile) });
  const { status, body } = answer;
  // An unhealthy service answers /health with 503, and still has statistics.
  const good = status === 200 || (path === '/health' && status === 503);
  if (good && body !== undefined) return answer;
  throw new Failure(`${url}${path} answered ${status}${problemText(body) || NOT_RATECACHE}`, 1);
}
