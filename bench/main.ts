/** `make bench`: the command line. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { NORMAL, QUICK } from './support/effort.ts';
import { progressOn } from './support/progress.ts';
import { record } from './support/record.ts';
import { currentCommit, type Report, thisMachine } from './support/result.ts';
import { runCommand } from './support/run-command.ts';
import { runSuites, suitesMatching } from './support/run-suites.ts';
import { LEGEND, terminalTable } from './support/table.ts';

const JSON_FILE = new URL('out/bench.json', import.meta.url);

interface Options {
  readonly quick: boolean;
  readonly json: boolean;
  readonly record: boolean;
  readonly peers: boolean;
  readonly list: boolean;
}

const command = new Command('make bench')
  .description('Measures src/ path by path, and what others take for the same work.')
  .argument('[words...]', 'only the suites whose paths hold one of these')
  .option('--quick', 'everything in well under a minute; no figures to keep', false)
  .option('--json', 'write the results to bench/out/bench.json too', false)
  .option('--record', 'write the table to docs/performance/microbenchmarks.md', false)
  .option('--no-peers', 'only what is ours')
  .option('--list', 'say what there is, and measure nothing', false)
  .action(run);

await runCommand(command, 'the benchmarks');

async function run(words: string[], { quick, json, record: recorded, peers, list }: Options) {
  const suites = suitesMatching(words).filter((suite) => peers || !suite.startsWith('peers/'));
  if (suites.length === 0) throw new Error(`there is no suite that matches ${words.join(' or ')}`);
  if (list) return console.log(suites.join('\n'));
  if (recorded && words.length > 0) throw new Error('what is recorded is all of it, and not a part');

  const started = Date.now();
  const effort = quick ? QUICK : NORMAL;
  const results = await runSuites(suites, { effort, withPeers: peers }, progressOn());
  const report: Report = {
    format: 1,
    startedAt: new Date(started).toISOString(),
    seconds: Math.round((Date.now() - started) / 1000),
    commit: currentCommit(),
    machine: thisMachine(),
    effort,
    results,
  };
  console.log(terminalTable(results));
  const { cpu, cores, node } = report.machine;
  console.log(`${LEGEND}\n${cpu}, ${cores} cores, Node ${node}, ${report.seconds} s`);
  if (json) writeJson(report);
  if (recorded) record(report);
}

function writeJson(report: Report): void {
  mkdirSync(new URL('.', JSON_FILE), { recursive: true });
  writeFileSync(JSON_FILE, `${JSON.stringify(report, null, 2)}\n`);
  console.log('written to bench/out/bench.json');
}
