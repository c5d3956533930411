/** `ratecache load`: runs profiles, prints and judges the results. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { chosenProfiles, suitable } from './choice.ts';
import type { Profile } from './profile.ts';
import { PROFILES } from './profiles/index.ts';
import { compare, readResults } from './report/compare.ts';
import { writeReports } from './report/index.ts';
import { terminalTable } from './report/table.ts';
import type { RunResult } from './result.ts';
import { runProfile } from './run-profile.ts';
import { isDisturbed } from './taints.ts';
import { type RunningOptions, reachedTarget } from './target/running.ts';
import type { Target } from './target/target.ts';
import { gateTable } from './terminal/gate-table.ts';
import { ProgressLine } from './terminal/progress.ts';

export interface LoadOptions {
  readonly seconds?: number;
  readonly rate?: number;
  readonly connections?: number;
  readonly seed: number;
  readonly retries: number;
  readonly json?: string;
  readonly out: string;
  readonly compare?: string;
  /** A service that runs already. Without it, each profile has a new service. */
  readonly running?: RunningOptions;
}

/**
 * @param names of profiles or of their files, or `all`; without names it lists the profiles
 * @returns whether every gate passed, warnings included, and no figure regressed
 */
export async function load(names: readonly string[], options: LoadOptions): Promise<boolean> {
  if (names.length > 0) return run(await chosenProfiles(names), names.includes('all'), options);
  list();
  return true;
}

function list(): void {
  const width = Math.max(...PROFILES.map(({ name }) => name.length));
  for (const { name, question } of PROFILES) console.log(`${name.padEnd(width)}  ${question}`);
  const [, example] = PROFILES;
  console.log(
    `\nratecache load ${example!.name}    ratecache load all --seconds 10    from the sources: make load ARGS=${example!.name}`,
  );
}

async function run(chosen: readonly Profile[], all: boolean, options: LoadOptions): Promise<boolean> {
  const before = options.compare === undefined ? undefined : await readResults(options.compare);
  await mkdir(options.out, { recursive: true });
  const results: RunResult[] = [];
  const target = options.running && (await reachedTarget(options.running));
  const profiles =
    options.running === undefined || target === undefined
      ? chosen
      : await suitable(chosen, all, options.running, target.host);
  for (const profile of profiles) {
    const result = await runTrusted(adjusted(profile, options), options, target);
    results.push(result);
    await writeFile(join(options.out, `${profile.name}.json`), `${JSON.stringify(result, null, 1)}\n`);
    console.log(gateTable(result));
  }
  console.log(`\n${terminalTable(results, { colour: process.stdout.isTTY === true })}`);
  if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(results, null, 1)}\n`);
  for (const path of await writeReports(results, options.out, process.env)) console.log(`wrote ${path}`);
  const passed = results.every(({ verdict }) => verdict !== 'fail');
  if (before === undefined) return passed;
  const { text, markdown, regressed } = compare(before, results);
  console.log(text);
  await writeFile(join(options.out, 'comparison.md'), markdown);
  return passed && !regressed;
}

/** Runs the profile, and repeats a failed run if the server may not be the cause. */
async function runTrusted(
  profile: Profile,
  { seed, retries }: LoadOptions,
  target: Target | undefined,
): Promise<RunResult> {
  for (let attempt = 0; ; attempt++) {
    const line = new ProgressLine(profile);
    const result = await runProfile(profile, {
      seed,
      onProgress: (progress) => line.show(progress),
      ...(target !== undefined && { target }),
    });
    line.end();
    const untrusted = result.generator.saturated || isDisturbed(result.generator);
    if (result.verdict !== 'fail' || !untrusted || attempt === retries) return result;
    console.log(`${gateTable(result)}\n  The server may not be the cause. Running the profile again.`);
  }
}

function adjusted(profile: Profile, { seconds, rate, connections }: LoadOptions): Profile {
  const { load } = profile;
  return {
    ...profile,
    load: {
      ...load,
      connections: connections ?? load.connections,
      ratePerSecond: load.ratePerSecond === null ? null : (rate ?? load.ratePerSecond),
      seconds: seconds ?? load.seconds,
      // Not longer than the measured part, so that a short run stays short.
      warmupSeconds: Math.min(load.warmupSeconds, seconds ?? load.seconds),
    },
  };
}
