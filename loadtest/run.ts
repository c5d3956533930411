/** `ratecache load`: runs profiles, prints and judges the results. */
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { READS_PER_SAMPLE } from '../src/cache/read-sampler.ts';
import { count, significant } from '../src/format.ts';
import type { Profile } from './profile.ts';
import { readProfile } from './profile-file.ts';
import { isProfileFile, PROFILES } from './profiles/index.ts';
import { linesOf, readLog } from './replay/log.ts';
import { meanRate, recordProfile } from './replay/record-profile.ts';
import { compare, readResults } from './report/compare.ts';
import { writeReports } from './report/index.ts';
import { terminalTable } from './report/table.ts';
import type { RunResult } from './result.ts';
import { runProfile } from './run-profile.ts';
import { isDisturbed } from './taints.ts';
import { adaptedTo, type RunningOptions, reachedTarget, writeShare } from './target/running.ts';
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
  if (names.length > 0) return run(await chosenProfiles(names), options);
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

/** @param log an access log, or the output of `redis-cli MONITOR`; prints the profile */
export async function record(
  log: string,
  options: { seconds?: number; rate?: number; prefix: string },
): Promise<true> {
  const { operations, skipped } = await readLog(linesOf(log), { prefix: options.prefix });
  for (const [reason, lines] of skipped) console.error(`skipped, ${reason}: ${lines} lines`);
  const name = basename(log)
    .toLowerCase()
    .replace(/\.[a-z]+$/, '')
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');
  const profile = recordProfile(operations, {
    name: name || 'recorded',
    ...(options.seconds !== undefined && { seconds: options.seconds }),
    ...(options.rate !== undefined && { rate: options.rate }),
  });
  const logged = meanRate(operations);
  console.error(
    `${count(operations.length)} operations, ${significant(logged)} a second in the log and ` +
      `${significant(options.rate ?? logged)} in the profile`,
  );
  if (options.rate === undefined)
    console.error(
      `If ACCESS_LOG of ratecache wrote the log, it has one operation in ${READS_PER_SAMPLE}: ` +
        `--rate ${Math.max(1, Math.round(logged * READS_PER_SAMPLE))} is the rate that the service received.`,
    );
  console.log(JSON.stringify(profile, null, 1));
  return true;
}

/** The profiles of these names and files. @throws for an unknown name or an invalid file */
export async function chosenProfiles(names: readonly string[]): Promise<readonly Profile[]> {
  if (names.includes('all')) return PROFILES;
  return Promise.all(names.map((name) => (isProfileFile(name) ? readProfile(name) : named(name))));
}

function named(name: string): Profile {
  const profile = PROFILES.find((one) => one.name === name);
  if (profile === undefined)
    throw new Error(`unknown profile ${name}; run "ratecache load" to list the profiles`);
  return profile;
}

async function run(profiles: readonly Profile[], options: LoadOptions): Promise<boolean> {
  const before = options.compare === undefined ? undefined : await readResults(options.compare);
  await mkdir(options.out, { recursive: true });
  const results: RunResult[] = [];
  const target = options.running && (await reachedTarget(options.running));
  for (const chosen of profiles) {
    const profile =
      options.running === undefined || target === undefined
        ? chosen
        : await adaptedTo(chosen, options.running, target.host);
    if (profile !== chosen && options.running?.writes === false && writeShare(chosen.traffic) > 0)
      console.error(`${chosen.name}: its writes are left out; use --writes to send them`);
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
