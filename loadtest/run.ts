#!/usr/bin/env node
/**
 * The command line of the load tests. Exit codes: 0 every gate passed, warnings included; 1 a gate failed; 2 the
 * harness itself failed.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import type { Profile } from './profile.ts';
import { PROFILES } from './profiles/index.ts';
import { compare, readResults } from './report/compare.ts';
import { writeReports } from './report/index.ts';
import { terminalTable } from './report/table.ts';
import type { RunResult } from './result.ts';
import { runProfile } from './run-profile.ts';
import { gateTable } from './terminal/gate-table.ts';
import { ProgressLine } from './terminal/progress.ts';

const EXIT_GATE = 1;
const EXIT_HARNESS = 2;
const DEFAULT_OUT = fileURLToPath(new URL('out', import.meta.url));

interface Options {
  readonly seconds?: number;
  readonly rate?: number;
  readonly connections?: number;
  readonly seed: number;
  readonly retries: number;
  readonly json?: string;
  readonly out: string;
  readonly compare?: string;
}

const program = new Command('load')
  .description('asks the service the questions of loadtest/profiles, and judges the answers')
  .argument('[profiles...]', 'which to run, or all; none lists them')
  .option('--seconds <n>', 'how long each is measured', positive)
  .option('--rate <n>', 'requests a second, of open loads', positive)
  .option('--connections <n>', 'connections', whole)
  .option('--seed <n>', 'of the data and of the order of requests', whole, 1)
  .option(
    '--retries <n>',
    'how often a failed run is repeated whose generator was the limit, or whose cores others used',
    count,
    0,
  )
  .option('--json <file>', 'write all results into this file too')
  .option('--out <dir>', 'where results and reports go', DEFAULT_OUT)
  .option('--compare <file>', 'show what got worse since these results; exit code 1 where something did')
  .exitOverride()
  .action(async (names: string[], options: Options) => {
    process.exitCode = names.length === 0 ? list() : await run(chosen(names), options);
  });

// Node's own code for this is 1, which would read as a failed gate.
process.on('uncaughtException', (error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(EXIT_HARNESS);
});

try {
  await program.parseAsync();
} catch (error) {
  // Commander has told already, and its own code for a wrong flag would read as a failed gate.
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : EXIT_HARNESS;
  else {
    process.stderr.write(`${(error as Error).stack}\n`);
    process.exitCode = EXIT_HARNESS;
  }
}

function list(): number {
  const width = Math.max(...PROFILES.map(({ name }) => name.length));
  for (const { name, question } of PROFILES) console.log(`${name.padEnd(width)}  ${question}`);
  console.log(
    `\nmake load ARGS=${PROFILES[1]!.name}    make load ARGS="all --seconds 10"    make load ARGS=--help`,
  );
  return 0;
}

function chosen(names: readonly string[]): readonly Profile[] {
  if (names.includes('all')) return PROFILES;
  return names.map((name) => {
    const profile = PROFILES.find((one) => one.name === name);
    if (profile === undefined) throw new Error(`there is no profile ${name}: see make load`);
    return profile;
  });
}

async function run(profiles: readonly Profile[], options: Options): Promise<number> {
  const before = options.compare === undefined ? undefined : await readResults(options.compare);
  await mkdir(options.out, { recursive: true });
  const results: RunResult[] = [];
  for (const profile of profiles) {
    const result = await runTrusted(adjusted(profile, options), options);
    results.push(result);
    await writeFile(join(options.out, `${profile.name}.json`), `${JSON.stringify(result, null, 1)}\n`);
    console.log(gateTable(result));
  }
  console.log(`\n${terminalTable(results, { colour: process.stdout.isTTY === true })}`);
  if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(results, null, 1)}\n`);
  for (const path of await writeReports(results, options.out, process.env)) console.log(`wrote ${path}`);
  const regressed = before !== undefined && told(compare(before, results));
  return regressed || results.some(({ verdict }) => verdict === 'fail') ? EXIT_GATE : 0;
}

/** Runs it, again where what failed was not the server's doing. */
async function runTrusted(profile: Profile, { seed, retries }: Options): Promise<RunResult> {
  for (let attempt = 0; ; attempt++) {
    let disturbed = false;
    const line = new ProgressLine(profile);
    const result = await runProfile(profile, {
      seed,
      onProgress: (progress) => {
        if (progress.kind === 'disturbed') disturbed = true;
        line.tell(progress);
      },
    });
    line.end();
    const untrusted = result.generator.saturated || disturbed;
    if (result.verdict !== 'fail' || !untrusted || attempt === retries) return result;
    console.log(`${gateTable(result)}\n  This was not the server alone: measured again.`);
  }
}

function adjusted(profile: Profile, { seconds, rate, connections }: Options): Profile {
  const { load } = profile;
  return {
    ...profile,
    load: {
      ...load,
      connections: connections ?? load.connections,
      ratePerSecond: load.ratePerSecond === null ? null : (rate ?? load.ratePerSecond),
      seconds: seconds ?? load.seconds,
      // No longer than what is measured: a short run is to be short.
      warmupSeconds: Math.min(load.warmupSeconds, seconds ?? load.seconds),
    },
  };
}

function told({ text, regressed }: { text: string; regressed: boolean }): boolean {
  console.log(text);
  return regressed;
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0) || !Number.isFinite(value)) throw new InvalidArgumentError('a number above 0 is wanted.');
  return value;
}

function whole(text: string): number {
  const value = positive(text);
  if (!Number.isInteger(value)) throw new InvalidArgumentError('a whole number is wanted.');
  return value;
}

function count(text: string): number {
  return text === '0' ? 0 : whole(text);
}
