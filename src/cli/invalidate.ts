/** `ratecache invalidate`: through a running service, which tells every replica. */
import { problemText, property } from '../service-answer.ts';
import { ask } from './call-service.ts';
import { EXIT_USAGE, Failure } from './exits.ts';
import type { ServiceOptions } from './flags.ts';

export interface InvalidateOptions extends ServiceOptions {
  readonly type?: readonly string[];
  readonly pattern?: string;
  readonly json?: boolean;
}

/** @returns the exit code */
export async function invalidate(
  keys: readonly string[],
  { url, timeout: timeoutMs, type: types, pattern, json }: InvalidateOptions,
): Promise<number> {
  if (keys.length === 0 && types === undefined && pattern === undefined)
    throw new Failure("say what to invalidate: keys, --type or --pattern ('*' is every key)", EXIT_USAGE);
  const { status, text, body } = await ask(url, {
    path: '/v1/invalidate',
    body: { ...(keys.length > 0 && { keys }), types, pattern },
    timeoutMs,
  });
  if (json && body !== undefined) process.stdout.write(`${text}\n`);
  const invalidated = property(body, 'invalidated');
  if (typeof invalidated !== 'number')
    throw new Failure(`${url} answered ${status}${problemText(body) || ': is it ratecache?'}`, 1);
  const postponed = property(body, 'postponed');
  if (json) return 0;
  process.stdout.write(`${invalidated} invalidated\n`);
  if (typeof postponed === 'number')
    process.stdout.write(`${postponed} postponed: Redis is away, and is told when it is back\n`);
  return 0;
}
