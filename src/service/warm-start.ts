import { once } from 'node:events';
import type { TwoLevel } from '../cache/two-level.ts';
import { warmFromStore } from '../cache/warm.ts';
import type { Config } from '../config/config.ts';
import type { Logger } from '../log.ts';
import { absentSink } from '../warmup/cache-sink.ts';
import { load } from '../warmup/load.ts';
import { succeeded, summaryText } from '../warmup/report.ts';
import { openSource } from '../warmup/source.ts';
import type { Summary } from '../warmup/summary.ts';
import type { Core } from './compose.ts';

/** How often warm-up checks whether L1 is coherent. */
const POLL_MS = 10;
/** Number of keys of a file that are read into L1 at the same time. */
const SLICE = 500;

/**
 * Warms L1 before the service becomes ready: from CACHE_WARMUP_FILE if it is set, otherwise from Redis. After an error,
 * or when the time limit is reached, the service becomes ready with the entries loaded so far.
 */
export async function warmUpOnStart(config: Config, core: Core, log: Logger): Promise<void> {
  const { timeoutMs, file } = config.warmup;
  const signal = AbortSignal.timeout(timeoutMs);
  const started = Date.now();
  try {
    if (!(await core.whenUp(timeoutMs))) throw new Error('Redis is unreachable');
    if (!(await trusted(core.cache, signal))) throw new Error('the invalidation link is down');
    if (file === undefined) {
      const warmed = await fromRedis(config, core, signal);
      log.info({ source: 'redis', warmed, ms: Date.now() - started }, 'warmed up');
      return;
    }
    const loaded = await fromFile(config, core, signal);
    const line = { source: file, summary: summaryText(loaded), ms: Date.now() - started };
    if (succeeded(loaded)) log.info(line, 'warmed up');
    else log.warn(line, 'warm-up incomplete; serving with the values loaded so far');
  } catch (error) {
    log.warn(
      { error: (error as Error).message, ms: Date.now() - started },
      'warm-up failed; serving with the values loaded so far',
    );
  }
}

/**
 * Waits until L1 is trusted; false if time runs out. Entries stored earlier would be dropped when the link is armed.
 */
async function trusted(cache: TwoLevel, signal: AbortSignal): Promise<boolean> {
  while (cache.coherence === 'blind' || cache.coherence === 'degraded') {
    if (signal.aborted) return false;
    await new Promise((resume) => setTimeout(resume, POLL_MS));
  }
  return true;
}

async function fromRedis(config: Config, core: Core, signal: AbortSignal): Promise<number> {
  const match = { pattern: config.warmup.pattern };
  return warmFromStore(core.cache, match, Number.POSITIVE_INFINITY, signal);
}

/** Writes the file to Redis, then reads its keys into L1 until L1 is full. */
async function fromFile(config: Config, core: Core, signal: AbortSignal): Promise<Summary> {
  const { cache } = core;
  const room = cache.memory?.maxEntries ?? 0;
  const keys: string[] = [];
  const { file, format, maxAgeMs } = config.warmup;
  const source = await openSource(file!, format, { maxAgeMs });
  const sink = absentSink(cache, (key) => {
    if (keys.length < room) keys.push(key);
  });
  const summary = await load(source, sink, { signal });
  if (cache.store === undefined) return summary;
  // The link also reports the writes of the file, and each report drops its key from L1. So wait for all reports first.
  await Promise.race([core.linkCaughtUp(), once(signal, 'abort')]);
  for (let at = 0; at < keys.length && !signal.aborted; at += SLICE)
    await Promise.all(keys.slice(at, at + SLICE).map((key) => cache.refresh(key)));
  return summary;
}
