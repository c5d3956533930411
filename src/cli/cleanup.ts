/** `ratecache cleanup`: removes expired entries from L1 at once. */
import { count } from '../format.ts';
import { property } from '../service-answer.ts';
import { callService, unexpected } from './call-service.ts';
import { type OutputOptions, type ServiceOptions, wantsJson } from './flags.ts';
import { serviceToken } from './service-token.ts';

export interface CleanupOptions extends ServiceOptions, OutputOptions {}

export async function cleanup(options: CleanupOptions): Promise<void> {
  const { url, timeout: timeoutMs, tokenFile } = options;
  const token = serviceToken(tokenFile);
  const answer = await callService(url, { path: '/v1/cleanup', body: {}, timeoutMs, token });
  const removed = property(answer.body, 'removed');
  if (typeof removed !== 'number') throw unexpected(url, answer);
  const text = wantsJson(options) ? answer.text : `${count(removed)} expired entries removed from L1`;
  process.stdout.write(`${text}\n`);
}
