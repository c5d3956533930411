/**
 * `make bench-pauses`: what an entry of a large L1 takes, and for how long such an L1 holds up the event loop, as it
 * ships and with young generations of other sizes. Of several rounds the calmest counts: what else a machine has to do
 * makes a pause longer, and never shorter.
 */
import { Command } from 'commander';
import { SEMI_SPACE_MIB } from '../../scripts/build/executable.ts';
import { whole } from '../../src/cli/flags.ts';
import { count } from '../../src/format.ts';
import { terminal } from '../support/cells.ts';
import { progressOn } from '../support/progress.ts';
import { runCommand } from '../support/run-command.ts';
import { settingOf } from '../support/setting.ts';
import { ENCODINGS, ORIGINS } from './entries.ts';
import { calmestOf, type Phase, type Report } from './figures.ts';
import { record, sentence } from './record.ts';
import { bytesOf, phasesOf } from './run.ts';
import { bytesCells, phaseCells, sizeCells, targetCells } from './table.ts';

const MILLION = 1_000_000;
const LEAST_ROUNDS = 3;

interface Options {
  readonly entries: number;
  readonly rounds: number;
  readonly semiSpaces: readonly string[];
  readonly record: boolean;
}

const command = new Command('make bench-pauses')
  .description('What does an entry of a large L1 take, and how long does such an L1 hold up the event loop?')
  .option('--entries <n>', 'of L1', whole(1), MILLION)
  .option(
    '--rounds <n>',
    'of which the one counts whose longest pause was the shortest',
    whole(1),
    LEAST_ROUNDS,
  )
  .option(
    '--semi-spaces <mib...>',
    `sizes of half of the young generation, beside the ${SEMI_SPACE_MIB} that ship; 16 is what V8 takes by itself`,
    ['2', '4', '16', '32', '64'],
  )
  .option('--record', 'write the tables to docs/performance.md', false)
  .action(run);

await runCommand(command, 'the measurement');

function run({ entries, rounds, semiSpaces, record: recorded }: Options): void {
  if (recorded && (entries !== MILLION || !(rounds >= LEAST_ROUNDS)))
    throw new Error(`what is recorded is a million entries, and ${LEAST_ROUNDS} rounds at least`);
  const started = Date.now();
  const progress = progressOn();
  const bytes = ENCODINGS.flatMap((encoding) =>
    ORIGINS.map((origin) => {
      progress.begins(`bytes: ${encoding}, ${origin}`);
      return bytesOf(entries, origin, encoding);
    }),
  );
  const sizes = [...new Set([SEMI_SPACE_MIB, ...semiSpaces.map(Number)])].sort((one, other) => one - other);
  const kinds = [
    ...sizes.map((semiSpace) => ({ encoding: 'json', semiSpace }) as const),
    { encoding: 'msgpack', semiSpace: SEMI_SPACE_MIB } as const,
  ];
  const lives = kinds.map((kind) => ({ ...kind, rounds: [] as (readonly Phase[])[] }));
  for (let round = 1; round <= rounds; round++)
    for (const life of lives) {
      progress.begins(`round ${round}: ${life.encoding}, ${life.semiSpace} MiB`);
      life.rounds.push(phasesOf(entries, life.encoding, life.semiSpace));
    }
  progress.end();
  const report: Report = {
    ...settingOf(started),
    entries,
    rounds,
    bytes,
    lives: lives.map(({ encoding, semiSpace, rounds }) => ({
      encoding,
      semiSpace,
      phases: calmestOf(rounds),
    })),
  };
  for (const cells of [
    targetCells(report),
    bytesCells(bytes),
    phaseCells(report.lives),
    sizeCells(report.lives),
  ])
    console.log(terminal(cells));
  console.log(`${count(entries)} entries; ${sentence(report)}`);
  if (recorded) record(report);
}
