/** `make bench-pauses`. */
import { Command } from 'commander';
import { SEMI_SPACE_MIB } from '../../scripts/build/executable.ts';
import { whole } from '../../src/cli/flags.ts';
import { count } from '../../src/format.ts';
import { runJob } from '../support/child.ts';
import { machineSentence } from '../support/machine.ts';
import { endProgress, progress } from '../support/progress.ts';
import { type Cells, record, type Section, show } from '../support/report.ts';
import type { Life, LifeJob } from './life.ts';

const PROCESS = new URL('life.ts', import.meta.url);
const MILLION = 1_000_000;
const ENCODINGS = ['json', 'msgpack'] as const;

interface Options {
  readonly entries: number;
  readonly rounds: number;
  readonly semiSpace: number;
  readonly record: boolean;
}

export const pauses = new Command('pauses')
  .description('Measures how long a large L1 holds up the event loop, and the memory that an entry uses.')
  .option('--entries <n>', 'entries of L1', whole(1), MILLION)
  .option('--rounds <n>', 'the round with the shortest longest pause counts', whole(1), 3)
  .option('--semi-space <mib>', "half of V8's young generation", whole(1), SEMI_SPACE_MIB)
  .option('--record', 'write the tables to docs/performance/large-cache.md', false)
  .action(run);

async function run({ entries, rounds, semiSpace, record: isRecorded }: Options): Promise<void> {
  if (isRecorded && (entries !== MILLION || semiSpace !== SEMI_SPACE_MIB))
    throw new Error('--record needs a million entries, and the young generation as it ships');
  const started = Date.now();
  const flags = ['--expose-gc', `--max-semi-space-size=${semiSpace}`];
  const lives: Life[][] = ENCODINGS.map(() => []);
  for (let round = 1; round <= rounds; round++)
    for (const [i, encoding] of ENCODINGS.entries()) {
      progress(`round ${round} of ${rounds}: ${encoding}`);
      lives[i]!.push(await runJob<Life>(PROCESS, { entries, encoding } satisfies LifeJob, { flags }));
    }
  endProgress();
  const calmest = lives.map(calmestOf);
  const machine = machineSentence(started, `the round of ${rounds} with the shortest longest pause`);
  const sections: Section[] = [
    { text: machine },
    { text: 'The longest pause of each phase, and the memory of an entry:', table: tableOf(calmest) },
  ];
  show(sections);
  if (isRecorded) record('performance/large-cache.md', 'million', sections);
}

/** Other work on the machine makes a pause longer, and never shorter. */
export function calmestOf(lives: readonly Life[]): Life {
  const longest = ({ phases }: Life) => Math.max(...phases.map((phase) => phase.longestMs));
  return lives.reduce((one, other) => (longest(other) < longest(one) ? other : one));
}

function tableOf(lives: readonly Life[]): Cells {
  return {
    head: ['', 'fill', 'churn', 'read', 'sweep', 'key and value', 'in addition', 'after churn'],
    lines: lives.map(({ phases, ownBytes, filledBytes, churnedBytes }, i) => [
      ENCODINGS[i]!,
      ...phases.map(({ longestMs }) => `${longestMs.toFixed(1)} ms`),
      ...[ownBytes, filledBytes, churnedBytes].map((bytes) => `${count(bytes)} B`),
    ]),
  };
}
