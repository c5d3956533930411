/** Which profiles a command line runs. */
import type { Profile } from './profile.ts';
import { readProfile } from './profile-file.ts';
import { isProfileFile, PROFILES } from './profiles/index.ts';
import { adaptedTo, type RunningOptions, UnsuitableError, writeShare } from './target/running.ts';

/**
 * The profiles of these names and files. `all` stands for the profiles of the harness.
 * @throws for an unknown name, an invalid file, and two profiles of one name
 */
export async function chosenProfiles(names: readonly string[]): Promise<readonly Profile[]> {
  const chosen: Profile[] = [];
  for (const name of names) {
    if (name === 'all') chosen.push(...PROFILES);
    else chosen.push(isProfileFile(name) ? await readProfile(name) : named(name));
  }
  const seen = new Set<string>();
  for (const { name } of chosen) {
    if (seen.has(name))
      throw new Error(`two of these profiles have the name ${name}, so one result would replace the other`);
    seen.add(name);
  }
  return chosen;
}

function named(name: string): Profile {
  const profile = PROFILES.find((one) => one.name === name);
  if (profile === undefined)
    throw new Error(`unknown profile ${name}; run "ratecache load" to list the profiles`);
  return profile;
}

function reportGates({ name, gates }: Profile, adapted: Profile): void {
  const left = gates.filter((gate) => !adapted.gates.includes(gate));
  if (left.length > 0)
    console.error(`${name}: not judged, because only a service of the harness shows it: ${left.join(', ')}`);
}

/**
 * The profiles for a running service. Reports profiles whose writes or gates are left out.
 * @param all whether to leave out unsuitable profiles of the harness, and to report them
 * @param address of the service, as `reachedTarget` found it
 * @throws for an unsuitable profile that was chosen by its name, and if no profile is left
 */
export async function suitable(
  chosen: readonly Profile[],
  all: boolean,
  running: RunningOptions,
  address: string | undefined,
): Promise<Profile[]> {
  const profiles: Profile[] = [];
  for (const profile of chosen) {
    try {
      const adapted = await adaptedTo(profile, running, address);
      profiles.push(adapted);
      reportGates(profile, adapted);
    } catch (error) {
      if (!(all && PROFILES.includes(profile) && error instanceof UnsuitableError)) throw error;
      console.error(`${profile.name} is left out: ${error.message}`);
      continue;
    }
    if (!running.writes && writeShare(profile.traffic) > 0)
      console.error(`${profile.name}: its writes are left out; use --writes to send them`);
  }
  if (profiles.length === 0) throw new Error(`no profile is suitable for ${running.url}`);
  return profiles;
}
