/** `make bench-start`: how long the service takes to its first answer, and what memory it has then. */
import { Command } from 'commander';
import { median } from '../../loadtest/support/median.ts';
import { whole } from '../../src/cli/flags.ts';
import { currentCommit, thisMachine } from '../support/result.ts';
import { runCommand } from '../support/run-command.ts';
import { type Contender, contenders } from './contenders.ts';
import { record } from './record.ts';
import { type Start, startOnce } from './start-once.ts';

const command = new Command('make bench-start')
  .description('Starts the service in each form, and a bare http server beside it, in turn.')
  .option('--rounds <n>', 'starts of each', whole(1), 15)
  .option('--record', 'write the table to docs/install.md', false)
  .action(run);

await runCommand(command, 'the benchmark');

async function run({ rounds, record: recorded }: { rounds: number; record: boolean }): Promise<void> {
  const all = await contenders();
  const starts = new Map<Contender, Start[]>(all.map((contender) => [contender, []]));
  // One of each to warm the page cache, which is not counted.
  for (const contender of all) await startOnce(contender);
  for (let round = 0; round < rounds; round++)
    for (const [contender, results] of starts) results.push(await startOnce(contender));

  const text = table(starts);
  console.log(text);
  if (!recorded) return;
  const { cpu, cores, platform, node } = thisMachine();
  const when = new Date().toISOString().slice(0, 10);
  const where = `${cpu}, ${cores} cores, ${platform}, Node ${node}, commit ${currentCommit()}`;
  record(`${when}, ${where}; ${rounds} starts of each, in turn.\n\n${text}`);
}

function table(starts: ReadonlyMap<Contender, readonly Start[]>): string {
  const rows = [...starts].map(([{ name }, results]) => {
    const times = results.map(({ ms }) => ms);
    return {
      name,
      median: median(times),
      least: Math.min(...times),
      megabytes: median(results.map(({ megabytes }) => megabytes)),
    };
  });
  const hello = rows[0]!;
  const lines = rows.map(({ name, median, least, megabytes }) => {
    const cells = [Math.round(median), Math.round(least), (median / hello.median).toFixed(2)];
    return `| ${[name, ...cells, Math.round(megabytes)].join(' | ')} |`;
  });
  return [
    '| | ms, median | ms, least | to hello | MB resident |',
    '|---|--:|--:|--:|--:|',
    ...lines,
    '',
  ].join('\n');
}
