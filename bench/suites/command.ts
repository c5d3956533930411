/** `make bench`. */
import { globSync } from 'node:fs';
import { Command } from 'commander';
import { significant } from '../../src/format.ts';
import { runJob } from '../support/child.ts';
import { machineSentence } from '../support/machine.ts';
import { endProgress, progress } from '../support/progress.ts';
import { record, type Section, show } from '../support/report.ts';
import type { Effort } from './measure.ts';
import type { GroupResult, SuiteJob } from './suite-process.ts';

const BENCH = new URL('../', import.meta.url);
const PROCESS = new URL('suite-process.ts', import.meta.url);
const ENDING = '.bench.ts';

const NORMAL: Effort = { rounds: 7, roundMs: 60, warmupMs: 120 };
const QUICK: Effort = { rounds: 3, roundMs: 12, warmupMs: 40 };

interface Options {
  readonly quick: boolean;
  readonly record: boolean;
  readonly list: boolean;
}

export const suites = new Command('suites')
  .description('Measures the functions of src/ one by one, next to other libraries that do the same work.')
  .argument('[words...]', 'only the suites whose paths contain one of these words')
  .option('--quick', 'short rounds: shows that it works, not how fast', false)
  .option('--record', 'write the table to docs/performance/microbenchmarks.md', false)
  .option('--list', 'print the suites, and measure nothing', false)
  .action(run);

async function run(words: string[], { quick, record: isRecorded, list }: Options): Promise<void> {
  const chosen = suitesMatching(words);
  if (chosen.length === 0) throw new Error(`no suite matches ${words.join(' or ')}: see --list`);
  if (list) return console.log(chosen.join('\n'));
  if (isRecorded && words.length > 0) throw new Error('--record needs all suites: leave out the words');
  const started = Date.now();
  const effort = quick ? QUICK : NORMAL;
  const lines: string[][] = [];
  for (const [i, suite] of chosen.entries()) {
    progress(`[${i + 1}/${chosen.length}] ${suite}`);
    const job: SuiteJob = { url: new URL(`${suite}${ENDING}`, BENCH).href, effort };
    for (const result of await runJob<GroupResult[]>(PROCESS, job, { flags: ['--expose-gc'] }))
      lines.push(...linesOf(suite, result));
  }
  endProgress();
  const section: Section = {
    text: machineSentence(started, `${effort.rounds} rounds of ${effort.roundMs} ms`),
    table: { head: ['benchmark', 'ns/op', 'p99', 'ratio'], lines },
  };
  show([section]);
  if (isRecorded) record('performance/microbenchmarks.md', 'benchmarks', [section]);
}

function linesOf(suite: string, { group, measured }: GroupResult): string[][] {
  return [
    [`**${suite}: ${group}**`, '', '', ''],
    ...measured.map(({ name, median, p99, ratio }) => [name, ...[median, p99, ratio].map(significant)]),
  ];
}

/** The suites whose paths contain one of the words, such as `cache/l1/memory`; all of them without words. */
export function suitesMatching(words: readonly string[]): string[] {
  return globSync(`**/*${ENDING}`, { cwd: BENCH, exclude: (name) => name === 'node_modules' })
    .map((path) => path.slice(0, -ENDING.length))
    .filter((suite) => words.length === 0 || words.some((word) => suite.includes(word)))
    .sort();
}
