/** `make bench-peers`. */
import { Command } from 'commander';
import { numeric, whole } from '../../src/cli/flags.ts';
import { machineSentence } from '../support/machine.ts';
import { record, show } from '../support/report.ts';
import { chosenRows } from './choose.ts';
import { breaches, GATE_EFFORT, GATE_LONGER } from './gate.ts';
import { headlineSections } from './headline.ts';
import type { Row } from './row.ts';
import { ROWS } from './rows/index.ts';
import { instructions } from './rows/instructions.ts';
import { get, get16 } from './rows/l1-hit.ts';
import { type Effort, type RowResult, runRows } from './run-rows.ts';
import { onStage } from './stage.ts';
import { IDLE_NOTE, rowSection, targetTable } from './tables.ts';

const QUICK: Effort = { rounds: 2, seconds: 0.5 };

interface Options extends Effort {
  readonly quick: boolean;
  readonly only: readonly string[];
  readonly record: boolean;
  readonly gate: boolean;
  readonly list: boolean;
}

export const peers = new Command('peers')
  .description(
    'Measures ratecache as a server, next to bare uWebSockets.js and to others that answer the same.',
  )
  .option('--rounds <n>', 'runs of each server, in turn with the others', whole(1), 7)
  .option('--seconds <n>', 'length of a run; wrk runs for whole seconds', numeric(0.1), 2)
  .option('--quick', 'two rounds of half a second: shows that it works, not how fast', false)
  .option('--only <names...>', 'only these rows; and next to ratecache only these servers', [])
  .option('--record', 'write the tables to docs/performance.md and docs/performance/comparison.md', false)
  .option(
    '--gate',
    'only compare with bare uWS and with limits of instructions, in a few minutes; exit code 1 where ratecache is too slow',
    false,
  )
  .option('--list', 'print the rows and servers, and measure nothing', false)
  .action(run);

async function run({ rounds, seconds, quick, only, record: isRecorded, gate: isGate, list }: Options) {
  if (list) return printRows();
  if (isRecorded && only.length > 0) throw new Error('--record needs all rows: leave out --only');
  const rows = chosenRows(ROWS, only);
  if (isGate) return gate();
  const started = Date.now();
  const effort = quick ? QUICK : { rounds, seconds };
  const results = await measureRows(rows, effort);
  const machine = machineSentence(started, `${effort.rounds} rounds of ${effort.seconds} s`);
  const sections = [
    { title: 'Targets', table: targetTable(results) },
    ...results.map(rowSection),
    { text: IDLE_NOTE },
  ];
  show([...sections, { text: machine }]);
  if (isRecorded) {
    record('performance.md', 'headline', headlineSections(results, machine));
    record('performance/comparison.md', 'peers', [
      { text: machine },
      { text: versionsSentence() },
      ...sections,
    ]);
  }
  if (results.some(({ contestants }) => contestants.some(({ absent }) => absent !== undefined)))
    process.exitCode = 2;
}

function measureRows(rows: readonly Row[], effort: Effort): Promise<RowResult[]> {
  return onStage((stage) => runRows(rows, effort, stage));
}

function printRows(): void {
  for (const { name, title, contestants } of ROWS)
    console.log(`${name.padEnd(16)} ${title}: ${contestants.map((each) => each.name).join(', ')}`);
}

/** What fails is measured once more, and for longer: then each server has met a minute without other work. */
async function gate(): Promise<void> {
  const counted = instructions.filter(({ limit }) => limit !== undefined);
  let rows: readonly Row[] = [...chosenRows([get, get16], ['bare-uws']), ...counted];
  let found: string[] = [];
  for (const effort of [GATE_EFFORT, GATE_LONGER]) {
    const results = await measureRows(
      rows.map((row) => (row.limit === undefined ? row : { ...row, rounds: effort.counts })),
      effort,
    );
    show(results.map(rowSection));
    found = results.flatMap(breaches);
    if (found.length === 0)
      return console.log(
        'The gate holds: a hit costs about what bare uWS costs, and no request takes more instructions than its limit.',
      );
    rows = rows.filter((_, i) => breaches(results[i]!).length > 0);
  }
  console.log(`The gate fails: ${found.join('; ')}.`);
  process.exitCode = 1;
}

function versionsSentence(): string {
  const versions = get.contestants.flatMap(({ title, contender }) => {
    const version = contender.version?.();
    return version === undefined ? [] : [`${title} ${version}`];
  });
  return `Versions: ${versions.join('; ')}.`;
}
