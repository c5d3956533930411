/** `ratecache keys`: lists keys, page by page. */
import { property } from '../service-answer.ts';
import { callService, unexpected } from './call-service.ts';
import { type OutputOptions, type ServiceOptions, wantsJson } from './flags.ts';
import { outputIsOpen } from './output.ts';
import { printable } from './printable.ts';
import { serviceToken } from './service-token.ts';

export interface KeysOptions extends ServiceOptions, OutputOptions {
  readonly type?: string;
  readonly limit?: number;
}

interface Listed {
  readonly key: string;
  readonly type: string;
  readonly ttl: number | null;
}

const PAGE_KEYS = 1000;

export async function listKeys(pattern: string | undefined, options: KeysOptions): Promise<void> {
  const { url, timeout: timeoutMs, tokenFile, type, limit = Number.POSITIVE_INFINITY } = options;
  const token = serviceToken(tokenFile);
  const isJson = wantsJson(options);
  let left = limit;
  let cursor = '';
  // The reader of a pipe may close it while Redis has millions of keys.
  while (left > 0 && outputIsOpen()) {
    const query = new URLSearchParams({
      ...(pattern !== undefined && { pattern }),
      ...(type !== undefined && { type }),
      limit: String(Math.min(left, PAGE_KEYS)),
      cursor,
    });
    // In a query of the service, a plus sign is a plus sign.
    const path = `/v1/keys?${query.toString().replaceAll('+', '%20')}`;
    const answer = await callService(url, { path, timeoutMs, token });
    const keys = property(answer.body, 'keys') as readonly Listed[] | undefined;
    if (answer.status !== 200 || !Array.isArray(keys)) throw unexpected(url, answer);
    const page = keys.slice(0, left) as readonly Listed[];
    left -= page.length;
    for (const listed of page) process.stdout.write(`${isJson ? JSON.stringify(listed) : textOf(listed)}\n`);
    const next = property(answer.body, 'cursor');
    if (typeof next !== 'string') return;
    cursor = next;
  }
}

function textOf({ key, ttl }: Listed): string {
  const expiry = ttl === null ? 'no TTL' : `${ttl} s`;
  return `${expiry.padStart(10)}  ${printable(key)}`;
}
