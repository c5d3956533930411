/** `ratecache stats`: once, or again and again. */
import { setTimeout as pause } from 'node:timers/promises';
import type { HealthBody } from '../metrics/health.ts';
import type { StatsBody } from '../metrics/stats.ts';
import { problemText } from '../service-answer.ts';
import { type Answer, ask } from './call-service.ts';
import { Failure } from './exits.ts';
import type { ServiceOptions } from './flags.ts';
import { outputIsOpen } from './output.ts';
import { type Seen, statsText } from './stats-text.ts';

export interface StatsOptions extends ServiceOptions {
  /** Seconds from one to the next. */
  readonly watch?: number;
  readonly json?: boolean;
}

const CLEAR_SCREEN = '\u001b[H\u001b[2J';

export async function showStats(options: StatsOptions): Promise<void> {
  const { watch, json } = options;
  let before: Seen | undefined;
  for (;;) {
    if (json) process.stdout.write(`${(await get(options, '/stats')).text}\n`);
    else {
      const text = await look(options).then(
        (seen) => {
          const text = statsText(seen, before);
          before = seen;
          return text;
        },
        // Who watches a service restart wants to see it come back.
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

async function look(options: StatsOptions): Promise<Seen> {
  const [stats, health] = await Promise.all([get(options, '/stats'), get(options, '/health')]);
  return {
    url: options.url,
    atMs: performance.now(),
    stats: stats.body as StatsBody | { readonly enabled: false },
    health: health.body as HealthBody,
  };
}

async function get({ url, timeout: timeoutMs }: StatsOptions, path: string): Promise<Answer> {
  const answer = await ask(url, { path, timeoutMs });
  const { status, body } = answer;
  // An unhealthy service has statistics too, and says with 503 that it is.
  const good = status === 200 || (path === '/health' && status === 503);
  if (good && body !== undefined) return answer;
  throw new Failure(`${url}${path} answered ${status}${problemText(body) || ': is it ratecache?'}`, 1);
}
