/** `ratecache get`: reads one key, and shows where its value came from. */
import { property } from '../service-answer.ts';
import { type Answer, callService, unexpected } from './call-service.ts';
import { EXIT_MISS, EXIT_UNKNOWN } from './exits.ts';
import { type OutputOptions, type ServiceOptions, wantsJson } from './flags.ts';
import { itemJson } from './items.ts';
import { printable } from './printable.ts';
import { serviceToken } from './service-token.ts';
import { styled } from './style.ts';

export interface GetOptions extends ServiceOptions, OutputOptions {
  readonly raw?: boolean;
}

/** @returns the exit code */
export async function get(key: string, options: GetOptions): Promise<number> {
  const { url, timeout: timeoutMs, tokenFile, raw } = options;
  const path = valuePath(key);
  const answer = await callService(url, { path, timeoutMs, token: serviceToken(tokenFile) });
  const code = property(answer.body, 'code');
  const isMiss = answer.status === 404 && (code === 'cache_miss' || code === 'cache_unknown');
  if (!isMiss && (answer.status !== 200 || answer.body === undefined)) throw unexpected(url, answer);
  if (raw && !isMiss) process.stdout.write(`${answer.text}\n`);
  else if (!raw && wantsJson(options)) process.stdout.write(`${jsonOf(key, answer, isMiss)}\n`);
  else if (!isMiss) process.stdout.write(`${lines(answer.text)}\n${styled('dim', origin(answer))}\n`);
  else {
    const text = code === 'cache_miss' ? 'no value' : 'unknown: L1 has no value and Redis did not answer';
    process.stderr.write(`${printable(key)}: ${text}\n`);
  }
  return !isMiss ? 0 : code === 'cache_miss' ? EXIT_MISS : EXIT_UNKNOWN;
}

/** The path of the value of a key. */
export function valuePath(key: string): string {
  return `/v1/cache/${encodeURIComponent(key)}`;
}

/** The version that an answer carries as its ETag. */
export function versionOf({ headers }: Answer): string | undefined {
  return headers.etag?.replaceAll('"', '');
}

function jsonOf(key: string, answer: Answer, isMiss: boolean): string {
  const { headers, text, body } = answer;
  return itemJson({
    key,
    status: isMiss ? 'miss' : 'hit',
    ...(isMiss
      ? { code: property(body, 'code') }
      : {
          version: versionOf(answer),
          ...(headers.age !== undefined && { age: Number(headers.age) }),
          value: text,
        }),
    cache_status: headers['cache-status'],
  });
}

/** A value may have several lines, which stay. */
function lines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

function origin(answer: Answer): string {
  const { headers } = answer;
  const facts = [`version ${versionOf(answer)}`];
  if (headers.age !== undefined) facts.push(`written ${headers.age} s ago`);
  return printable(`${facts.join(', ')}; ${headers['cache-status']}`);
}
