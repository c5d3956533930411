/** `make bench-peers`: the command line. Exit code 1 where the gate fails, 2 where something could not be measured. */
import { writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { GENERATOR_CORE, pin } from '../../loadtest/support/pin.ts';
import { numeric, whole } from '../../src/cli/flags.ts';
import { terminal } from '../support/cells.ts';
import { NORMAL } from '../support/effort.ts';
import { progressOn } from '../support/progress.ts';
import { runCommand } from '../support/run-command.ts';
import { runSuites } from '../support/run-suites.ts';
import { breaches, GATE_EFFORT, GATE_LONGER } from './gate.ts';
import { narrowed } from './narrow.ts';
import { machineSentence, record } from './record.ts';
import { type Report, reportOf } from './report.ts';
import type { Row } from './row.ts';
import { ROWS } from './rows/index.ts';
import { instructions } from './rows/instructions.ts';
import { get, get16 } from './rows/l1-hit.ts';
import { type Effort, type RowResult, runRows } from './run-rows.ts';
import { Stage } from './stage.ts';
import { notes, rowCells, targetCells } from './table.ts';

const QUICK: Effort = { rounds: 2, seconds: 0.5 };
/** Microbenchmarks that a target is about. */
const SUITES = ['cache/l1/memory', 'peers/l1-hit'];

interface Options {
  readonly rounds: number;
  readonly seconds: number;
  readonly quick: boolean;
  readonly only: readonly string[];
  readonly json?: string;
  readonly record: boolean;
  readonly gate: boolean;
  readonly list: boolean;
}

const command = new Command('make bench-peers')
  .description('Measures ratecache as a server, beside bare uWebSockets.js and others that answer the same.')
  .option('--rounds <n>', 'each server is measured so often, in turn with the others', whole(1), 7)
  .option('--seconds <n>', 'of one run', numeric(0.1), 1.5)
  .option('--quick', 'two rounds of half a second; no figures to keep', false)
  .option('--only <names...>', 'only these rows, and beside ratecache only these servers', [])
  .option('--json <file>', 'write everything that was measured to a file')
  .option('--record', 'write the tables to docs/performance.md', false)
  .option('--gate', 'only compare with bare uWS, in a few seconds; exit code 1 where it fell behind', false)
  .option('--list', 'say what there is, and measure nothing', false)
  .action(run);

await runCommand(command, 'the comparison');
process.exit();

async function run(options: Options): Promise<void> {
  if (options.list) return list();
  if (options.gate) return gate();
  const { only, rounds, seconds } = options;
  if (options.record && only.length > 0) throw new Error('what is recorded is all of it, and not a part');
  const started = Date.now();
  const effort = options.quick ? QUICK : { rounds, seconds };
  const chosen = narrowed(ROWS, only);
  const whole = only.length === 0;
  const suites = whole ? await runSuites(SUITES, { effort: NORMAL, withPeers: true }, progressOn()) : [];
  const rows = await onStage(chosen, effort);
  const report = reportOf(started, effort, rows, suites);
  show(report, whole);
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
  if (options.record) record(report);
  if (rows.some(({ contestants }) => contestants.some(({ failed }) => failed))) process.exitCode = 2;
}

async function onStage(rows: readonly Row[], effort: Effort): Promise<RowResult[]> {
  // What this process does meanwhile is nothing on the server's core.
  pin(GENERATOR_CORE, process.pid);
  const stage = new Stage();
  try {
    return await runRows(rows, effort, stage, progressOn());
  } finally {
    await stage.close();
  }
}

function list(): void {
  for (const { name, title, contestants } of ROWS)
    console.log(`${name.padEnd(16)} ${title}: ${contestants.map((each) => each.name).join(', ')}`);
}

/** What fails is measured once more, and for longer: then each server has met a minute in which nobody else worked. */
async function gate(): Promise<void> {
  // Counting is as good the first time.
  let rows = narrowed([get, get16, { ...instructions, rounds: 1 }], ['bare-uws']);
  for (const [attempt, effort] of [
    ['first', GATE_EFFORT],
    ['second', GATE_LONGER],
  ] as const) {
    const results = await onStage(rows, effort);
    for (const result of results) showRow(result);
    const found = results.flatMap(breaches);
    if (found.length === 0) return console.log('a hit costs about what bare uWS does');
    console.log(`${attempt} measurement: ${found.join('; ')}`);
    rows = rows.filter((_, i) => breaches(results[i]!).length > 0);
  }
  process.exitCode = 1;
}

function show(report: Report, whole: boolean): void {
  for (const row of report.rows) showRow(row);
  if (whole) console.log(terminal(targetCells(report)));
  console.log(
    '† the server was not busy all the time: its rate is the generator’s, or that of a machine with more to do',
  );
  console.log(machineSentence(report));
}

function showRow(row: RowResult): void {
  console.log(`\n${row.title}. ${row.about}\n${terminal(rowCells(row))}`);
  for (const note of notes(row)) console.log(note);
}
