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

/** How often a start that warms up looks whether it can. */
const POLL_MS = 10;

/**
 * Warms L1 before the service says that it is ready: from a file where there is one, else from what Redis
 * holds. Whatever goes wrong, and after the time limit, the service starts with what it has.
 */
export async function warmUpOnStart(config: Config, core: Core, log: Logger): Promise<void> {
  const { timeoutMs, file } = config.warmup;
  const signal = AbortSignal.timeout(timeoutMs);
  const started = Date.now();
  try {
    if (!(await core.whenUp(timeoutMs))) throw new Error('Redis cannot be reached');
    if (!(await trusted(core.cache, signal))) throw new Error('the invalidation link is not up');
    if (file === undefined) {
      const warmed = await fromRedis(config, core, signal);
      log.info({ source: 'redis', warmed, ms: Date.now() - started }, 'warmed up');
      return;
    }
    const loaded = await fromFile(config, core, signal);
    const line = { source: file, summary: summaryText(loaded), ms: Date.now() - started };
    if (succeeded(loaded)) log.info(line, 'warmed up');
    else log.warn(line, 'warm-up incomplete; serving with what was loaded');
  } catch (error) {
    log.warn(
      { error: (error as Error).message, ms: Date.now() - started },
      'warm-up failed; serving without',
    );
  }
}

/** Whether L1 came to be trusted in time: what is put into it before is dropped as the link is armed. */
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

async function fromFile(config: Config, core: Core, signal: AbortSignal): Promise<Summary> {
  const source = await openSource(config.warmup.file!, config.warmup.format);
  return load(source, absentSink(core.cache), { signal });
}
