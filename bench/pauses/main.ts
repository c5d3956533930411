/**
 * `make bench-pauses`: how long a large L1 holds up the event loop, with young generations of several sizes, each
 * in a process of its own, in turn. The smallest of several rounds: a pause can be made longer by the machine, not
 * shorter.
 */
import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import Table from 'cli-table3';
import { Command } from 'commander';
import type { Pauses, Phase } from './phase.ts';

const CHILD = fileURLToPath(new URL('child.ts', import.meta.url));

const { entries, rounds, semiSpaces } = new Command('bench-pauses')
  .description('How long does a large L1 hold up the event loop?')
  .option('--entries <n>', 'of L1', Number, 1_000_000)
  .option('--rounds <n>', 'of which the shortest pauses are taken', Number, 3)
  .option('--semi-spaces <mib...>', 'sizes of half of the young generation; 16 is what V8 takes by itself', [
    '2',
    '4',
    '8',
    '16',
    '32',
    '64',
  ])
  .parse()
  .opts<{ entries: number; rounds: number; semiSpaces: string[] }>();

const found = new Map<string, Phase[][]>(semiSpaces.map((size) => [size, []]));
for (let round = 0; round < rounds; round++)
  for (const size of semiSpaces) {
    process.stderr.write(`round ${round + 1}: ${size} MiB\n`);
    found.get(size)!.push([...run(size).phases]);
  }

const table = new Table({
  head: ['semi-space', 'phase', 'seconds', 'longest ms', 'minor GC ms', 'major GC ms', 'collecting'],
  style: { head: [], border: [], compact: true },
});
for (const [size, runs] of found)
  for (const [i, { name }] of runs[0]!.entries()) {
    const least = (figure: (phase: Phase) => number) => Math.min(...runs.map((phases) => figure(phases[i]!)));
    table.push([
      `${size} MiB`,
      name,
      least(({ seconds }) => seconds).toFixed(2),
      least(({ longestMs }) => longestMs).toFixed(1),
      least(({ minorMs }) => minorMs).toFixed(1),
      least(({ majorMs }) => majorMs).toFixed(1),
      `${Math.round(100 * least(({ collecting }) => collecting))} %`,
    ]);
  }
console.log(table.toString());
console.log(
  `${entries.toLocaleString('en')} entries, ${cpus()[0]!.model}, ${cpus().length} cores, Node ${process.version}, ${rounds} rounds`,
);

function run(semiSpace: string): Pauses {
  const flags = [`--max-semi-space-size=${semiSpace}`];
  return JSON.parse(execFileSync(process.execPath, [...flags, CHILD, String(entries)], { encoding: 'utf8' }));
}
