/** `make bench-compare`: exits with 1 where something worsened, and with 2 where that could not be found out. */
import Table from 'cli-table3';
import { Command } from 'commander';
import { type Baseline, ratiosOf, readBaseline, writeBaseline } from './support/baseline.ts';
import { NORMAL, QUICK } from './support/effort.ts';
import { progressOn } from './support/progress.ts';
import type { Result } from './support/result.ts';
import { type Judgement, judge, type Ratio } from './support/rule.ts';
import { runCommand } from './support/run-command.ts';
import { type RunOptions, runSuites, suitesMatching } from './support/run-suites.ts';
import { ratio } from './support/table.ts';

/** Each suite in so many processes: what one process is lucky with, the next is not. */
const PASSES = 3;

interface Options {
  readonly quick: boolean;
  readonly update: boolean;
}

interface Line extends Judgement {
  readonly id: string;
  readonly before: Ratio | undefined;
  readonly now: Ratio | undefined;
}

const command = new Command('make bench-compare')
  .description('Compares what is ours with bench/baseline.json, each as a multiple of the reference loop.')
  .argument('[words...]', 'only the suites whose paths hold one of these')
  .option('--update', 'write the baseline instead', false)
  .option('--quick', 'measure less: for looking whether it runs', false)
  .action(run);

await runCommand(command, 'the comparison');

async function run(words: string[], { quick, update }: Options): Promise<void> {
  const suites = suitesMatching(words).filter((suite) => !suite.startsWith('peers/'));
  if (suites.length === 0) throw new Error(`there is no suite that matches ${words.join(' or ')}`);
  if (update && words.length > 0) throw new Error('the baseline is written as a whole');
  const baseline = update ? undefined : readBaseline();
  const options: RunOptions = { effort: quick ? QUICK : NORMAL, withPeers: false };

  const ratios = await measure(suites, options);
  if (baseline === undefined) {
    writeBaseline(ratios);
    return console.log(`${ratios.size} benchmarks written to bench/baseline.json`);
  }
  const lines = compare(baseline, suites, ratios);
  await confirm(lines, options);
  console.log(tableOf(lines, baseline));
  const named = (verdict: string) => lines.filter((line) => line.verdict === verdict).map(({ id }) => id);
  const missing = named('missing');
  if (missing.length > 0)
    throw new Error(
      `the baseline has what was not measured: ${missing.join('; ')}. ` +
        'If it was taken out or renamed: make bench-compare ARGS=--update',
    );
  const worsened = named('worsened');
  if (worsened.length > 0) process.exitCode = 1;
  console.log(worsened.length > 0 ? `worsened: ${worsened.join('; ')}` : 'nothing worsened');
}

async function measure(suites: readonly string[], options: RunOptions): Promise<Map<string, Ratio>> {
  const results: Result[] = [];
  for (let pass = 0; pass < PASSES; pass++) results.push(...(await runSuites(suites, options, progressOn())));
  return ratiosOf(results);
}

function compare(baseline: Baseline, suites: readonly string[], ratios: ReadonlyMap<string, Ratio>): Line[] {
  const expected = Object.keys(baseline.benchmarks).filter((id) => suites.includes(suiteOf(id)));
  // What belongs to no suite that there is would be looked for in vain by every run.
  const ids = new Set([...expected, ...ratios.keys()]);
  return [...ids].map((id) => {
    const before = baseline.benchmarks[id];
    const now = ratios.get(id);
    return { id, before, now, ...judge(before, now) };
  });
}

/** What seems to have worsened is measured once more, and has only if it is found again. */
async function confirm(lines: Line[], options: RunOptions): Promise<void> {
  const suspects = lines.filter(({ verdict }) => verdict === 'worsened');
  if (suspects.length === 0) return;
  console.error(`${suspects.length} seem to have worsened, and are measured again`);
  const again = await measure([...new Set(suspects.map(({ id }) => suiteOf(id)))], options);
  for (const [i, line] of lines.entries()) {
    if (line.verdict !== 'worsened') continue;
    const now = again.get(line.id);
    const second = judge(line.before, now);
    lines[i] = second.verdict === 'worsened' ? line : { ...line, ...second, now };
  }
}

function suiteOf(id: string): string {
  return id.split(' > ', 1)[0]!;
}

function tableOf(lines: readonly Line[], { date, machine }: Baseline): string {
  const table = new Table({
    head: ['benchmark', 'baseline', 'now', 'change', 'limit', ''],
    colAligns: ['left', 'right', 'right', 'right', 'right', 'left'],
    style: { head: process.stdout.isTTY ? ['bold'] : [], border: [], compact: true },
  });
  const percent = (share: number | undefined) =>
    share === undefined ? '' : `${share > 0 ? '+' : ''}${(100 * share).toFixed(0)} %`;
  for (const { id, before, now, change, limit, verdict } of lines)
    table.push([
      id,
      before === undefined ? '' : ratio(before.median),
      now === undefined ? '' : ratio(now.median),
      percent(change),
      percent(limit),
      verdict,
    ]);
  return `${table}\nmultiples of the reference loop; baseline of ${date.slice(0, 10)}, ${machine.cpu}, Node ${machine.node}`;
}
