/** `ratecache invalidate`: invalidates through a running service, which notifies every replica. */
import { problemText, property } from '../service-answer.ts';
import { callService, NOT_RATECACHE } from './call-service.ts';
import { EXIT_USAGE, Failure } from './exits.ts';
import type { ServiceOptions } from './flags.ts';
import { serviceToken } from './service-token.ts';

export interface InvalidateOptions extends ServiceOptions {
  readonly type?: readonly string[];
  readonly pattern?: string;
  readonly json?: boolean;
}

/** @returns the exit code */
export async function invalidate(
  keys: readonly string[],
  { url, timeout: timeoutMs, type: types, pattern, json, tokenFile }: InvalidateOptions,
): Promise<number> {
  if (keys.length === 0 && types === undefined && pattern === undefined)
    throw new Failure("expected keys, --type or --pattern ('*' matches every key)", EXIT_USAGE);
  const { status, text, body } = await callService(url, {
    path: '/v1/invalidate',
    body: { ...(keys.length > 0 && { keys }), types, pattern },
    timeoutMs,
    token: serviceToken(tokenFile),
  });
  if (json && body !== undefined) process.stdout.write(`${text}\n`);
  const invalidated = property(body, 'invalidated');
  if (typeof invalidated !== 'number')
    throw new Failure(`${url} answered ${status}${problemText(body) || NOT_RATECACHE}`, 1);
  const postponed = property(body, 'postponed');
  if (json) return 0;
  process.stdout.write(`${invalidated} invalidated\n`);
  if (typeof postponed === 'number')
    process.stdout.write(
      `${postponed} postponed: applied when Redis is reachable; lost if the service stops first\n`,
    );
  return 0;
}
