import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import type { Message, Task } from './child.ts';
import type { Effort } from './effort.ts';
import type { Progress } from './progress.ts';
import type { Result } from './result.ts';

const BENCH = new URL('../', import.meta.url);
const ENDING = '.bench.ts';

export interface RunOptions {
  readonly effort: Effort;
  /** False leaves out what is not ours, and so `bench/peers/`. */
  readonly withPeers: boolean;
}

/** The suites whose paths hold one of the words, as `cache/l1/memory`; all of them where there is no word. */
export function suitesMatching(words: readonly string[]): string[] {
  return globSync(`**/*${ENDING}`, { cwd: BENCH, exclude: (name) => name === 'node_modules' })
    .map((path) => path.slice(0, -ENDING.length))
    .filter((suite) => words.length === 0 || words.some((word) => suite.includes(word)))
    .sort();
}

/**
 * Measures suites one after another, each in a process of its own.
 * @throws where a suite fails
 */
export async function runSuites(
  suites: readonly string[],
  options: RunOptions,
  progress: Progress,
): Promise<Result[]> {
  const results: Result[] = [];
  for (const [i, suite] of suites.entries()) {
    const begins = (what: string) => progress.begins(`[${i + 1}/${suites.length}] ${suite}: ${what}`);
    begins('starting');
    results.push(...(await runSuite(suite, options, begins)));
  }
  progress.end();
  return results;
}

async function runSuite(
  suite: string,
  { effort, withPeers }: RunOptions,
  begins: (what: string) => void,
): Promise<Result[]> {
  const results: Result[] = [];
  const child = fork(new URL('child.ts', import.meta.url), { execArgv: ['--expose-gc'] });
  child.on('message', (message) => {
    const told = message as Message;
    if ('begins' in told) begins(told.begins);
    else results.push(...told.results);
  });
  const url = pathToFileURL(`${BENCH.pathname}${suite}${ENDING}`).href;
  child.send({ url, suite, effort, withPeers } satisfies Task);
  const failure = await endOf(child);
  if (failure !== undefined) throw new Error(`${suite} could not be measured: ${failure}`);
  if (results.length === 0 && withPeers) throw new Error(`${suite} measured nothing`);
  return results;
}

/** How it failed, if it did; it has said why on its own standard error. */
async function endOf(child: ChildProcess): Promise<string | undefined> {
  const [code, signal] = await once(child, 'exit');
  if (code === 0) return undefined;
  return signal === null ? `it ended with ${code}` : `it was ended by ${signal}`;
}
