/** `ratecache flush`: deletes all keys, after the user has confirmed it. */
import { createInterface } from 'node:readline';
import { count } from '../format.ts';
import { property } from '../service-answer.ts';
import { callService, unexpected } from './call-service.ts';
import { EXIT_NOT_CONFIRMED, EXIT_USAGE, Failure } from './exits.ts';
import { type OutputOptions, type ServiceOptions, wantsJson } from './flags.ts';
import { serviceToken } from './service-token.ts';

export interface FlushOptions extends ServiceOptions, OutputOptions {
  readonly tier: 'local' | 'all';
  readonly yes?: boolean;
}

/** @throws Failure if the user does not confirm it */
export async function flush(options: FlushOptions): Promise<void> {
  const { url, timeout: timeoutMs, tokenFile, tier } = options;
  const token = serviceToken(tokenFile);
  if (!options.yes) await confirm(url, tier);
  const answer = await callService(url, { path: '/v1/flush', body: { tier }, timeoutMs, token });
  const flushed = property(answer.body, 'flushed');
  if (flushed === undefined) throw unexpected(url, answer);
  if (wantsJson(options)) {
    process.stdout.write(`${answer.text}\n`);
    return;
  }
  const from = (place: string) => count(property(flushed, place) as number);
  process.stdout.write(`${from('local')} entries deleted from L1, ${from('redis')} keys from Redis\n`);
  if (answer.status === 202)
    process.stdout.write(
      'The deletion in Redis is pending: applied when Redis is reachable; lost if the service stops first\n',
    );
}

async function confirm(url: string, tier: FlushOptions['tier']): Promise<void> {
  if (!process.stdin.isTTY)
    throw new Failure('flush asks first, and standard input is not a terminal; add --yes', EXIT_USAGE);
  const what =
    tier === 'all' ? 'delete every key from Redis and from L1 of every replica' : 'empty L1 of this process';
  const answer = await ask(`${url}: ${what}? Type yes to continue: `);
  if (answer.trim().toLowerCase() !== 'yes') throw new Failure('nothing was deleted', EXIT_NOT_CONFIRMED);
}

/** Asks on standard error, because results go to standard output. The end of the input is an empty answer. */
function ask(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  return new Promise((resolve) => {
    terminal.once('close', () => resolve(''));
    terminal.question(question, (answer) => {
      resolve(answer);
      terminal.close();
    });
  });
}
