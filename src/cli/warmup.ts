/** `ratecache warmup FILE`: loads a file through a running service, or directly into Redis. */
import { type Environment, loadConfig, nameOf } from '../config/config.ts';
import { createLog } from '../log.ts';
import { composeCore } from '../service/compose.ts';
import { cacheSink } from '../warmup/cache-sink.ts';
import { httpSink } from '../warmup/http-sink.ts';
import { load } from '../warmup/load.ts';
import { succeeded, summaryJson, summaryText } from '../warmup/report.ts';
import { SheetTarget } from '../warmup/sheet-target.ts';
import type { Target } from '../warmup/sink.ts';
import { type Format, openSource } from '../warmup/source.ts';
import { withTtl } from '../warmup/with-ttl.ts';
import { serviceToken } from './service-token.ts';
import { type SheetFlags, sheetOptions } from './sheet-flags.ts';

/** Default command timeout with --direct. It is longer than the timeout of a service, because no reader waits. */
const DIRECT_TIMEOUT_MS = '5000';

export interface WarmupOptions extends SheetFlags {
  readonly format: Format;
  /** Seconds. */
  readonly ttl?: number;
  readonly url: string;
  readonly tokenFile?: string;
  readonly direct?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export async function warmup(file: string, options: WarmupOptions, env: Environment): Promise<void> {
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort(new Error('interrupted')));
  const source = withTtl(await openSource(file, options.format, sheetOptions(options)), options.ttl);
  const { target, close } = options.direct
    ? await direct(env)
    : { target: httpSink(options.url, { token: serviceToken(options.tokenFile) }), close: undefined };
  const sink = new SheetTarget(target, options.replace ?? false);
  const { progressView } = await import('../warmup/progress.ts');
  const view = progressView({ quiet: options.quiet ?? false });
  try {
    const { signal } = interrupted;
    const summary = await load(source, sink, { onProgress: view.show, signal });
    if (options.replace) await sink.deleteMissing(summary, signal);
    view.stop();
    process.stdout.write(`${options.json ? summaryJson(summary) : summaryText(summary)}\n`);
    process.exitCode = succeeded(summary) ? 0 : 1;
  } finally {
    view.stop();
    close?.();
  }
}

async function direct(env: Environment): Promise<{ target: Target; close: () => void }> {
  // This process does not listen, and needs no L1. Without pending writes, a write that Redis does not accept fails.
  const own = {
    REDIS_COMMAND_TIMEOUT_MS: DIRECT_TIMEOUT_MS,
    ...env,
    HOST: '127.0.0.1',
    ENABLE_LOCAL_CACHE: 'false',
    PENDING_WRITES_MAX_ENTRIES: '0',
    STANDALONE: 'false',
  };
  const { config } = loadConfig(own, { standalone: false });
  const core = composeCore(config, createLog('silent'));
  const redis = config.redis!;
  if (!(await core.whenUp(redis.connectTimeoutMs))) {
    core.close();
    throw new Error(`cannot connect to Redis at ${nameOf(redis.topology)}`);
  }
  return { target: cacheSink(core.cache, config.limits), close: core.close };
}
