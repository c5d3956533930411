/** `ratecache set`: writes one key. */
import { property } from '../service-answer.ts';
import { callService, unexpected } from './call-service.ts';
import { EXIT_CONDITION, EXIT_USAGE, Failure } from './exits.ts';
import { type OutputOptions, type ServiceOptions, wantsJson } from './flags.ts';
import { valuePath, versionOf } from './get.ts';
import { printable } from './printable.ts';
import { serviceToken } from './service-token.ts';
import { standardInput } from './standard-input.ts';

export interface SetOptions extends ServiceOptions, OutputOptions {
  /** In seconds. */
  readonly ttl?: number;
  readonly ifVersion?: string;
  readonly ifAbsent?: boolean;
  readonly ifExists?: boolean;
}

const STATUSES: ReadonlyMap<number, string> = new Map([
  [201, 'created'],
  [204, 'replaced'],
]);

/** @param value `-` or undefined: read it from standard input. @returns the exit code */
export async function set(key: string, value: string | undefined, options: SetOptions): Promise<number> {
  const { url, timeout: timeoutMs, tokenFile, ttl } = options;
  const bytes = value === undefined || value === '-' ? await standardInput('the value') : Buffer.from(value);
  const answer = await callService(url, {
    method: 'PUT',
    path: `${valuePath(key)}${ttl === undefined ? '' : `?ttl=${ttl}`}`,
    bytes,
    headers: conditionOf(options),
    timeoutMs,
    token: serviceToken(tokenFile),
  });
  if (answer.status === 412)
    throw new Failure(
      `not written: the condition does not hold; ${currentText(versionOf(answer))}`,
      EXIT_CONDITION,
    );
  const status = answer.status === 202 ? property(answer.body, 'status') : STATUSES.get(answer.status);
  if (typeof status !== 'string') throw unexpected(url, answer);
  const warning = answer.headers['ratecache-warning'];
  const version = versionOf(answer);
  if (wantsJson(options)) process.stdout.write(`${JSON.stringify({ key, status, version, warning })}\n`);
  else {
    const detail = property(answer.body, 'detail');
    const pending = typeof detail === 'string' ? `. ${detail}` : '';
    process.stdout.write(`${printable(`${status}, version ${version}${pending}`)}\n`);
  }
  if (warning !== undefined) process.stderr.write(`ratecache: warning: ${printable(String(warning))}\n`);
  return 0;
}

function conditionOf({ ifVersion, ifAbsent, ifExists }: SetOptions): Record<string, string> {
  if (ifVersion !== undefined) {
    if (!/^[0-9a-f]{24}$/.test(ifVersion))
      throw new Failure(
        '--if-version expects a version: 24 hexadecimal digits, as get prints it',
        EXIT_USAGE,
      );
    return { 'if-match': `"${ifVersion}"` };
  }
  if (ifAbsent) return { 'if-none-match': '*' };
  return ifExists ? { 'if-match': '*' } : {};
}

function currentText(version: string | undefined): string {
  return version === undefined ? 'the key has no value' : `the key has version ${version}`;
}
