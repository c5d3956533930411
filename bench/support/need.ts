import { execFileSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isOnPath } from '../../loadtest/target/programs.ts';

const SCRIPT = fileURLToPath(new URL('../../scripts/need.sh', import.meta.url));
const PEERS = fileURLToPath(new URL('../peers/', import.meta.url));
/** Debian keeps servers where the PATH of a user does not look. */
const SERVERS = '/usr/sbin';

/** Installs the programs that are missing; a name that begins with a slash is a file. @throws where one stays missing */
export function need(...programs: readonly string[]): void {
  const missing = programs.filter(
    (name) => !(name.startsWith('/') ? existsSync(name) : isOnPath(name, SERVERS)),
  );
  if (missing.length === 0) return;
  try {
    const env = { ...process.env, PATH: `${process.env.PATH}:${SERVERS}` };
    execFileSync(SCRIPT, missing, { env, stdio: ['ignore', 2, 2] });
  } catch {
    throw new Error(`not installed: ${missing.join(' and ')}`);
  }
}

/** Installs the packages of `bench/peers/package.json`, unless the folder has them as its lock file says. */
export function needPeerPackages(): void {
  const installed = `${PEERS}node_modules/.package-lock.json`;
  const locked = statSync(`${PEERS}package-lock.json`).mtimeMs;
  if (existsSync(installed) && statSync(installed).mtimeMs >= locked) return;
  console.error('npm ci --prefix bench/peers');
  execFileSync('npm', ['ci', '--prefix', PEERS, '--ignore-scripts', '--loglevel=error'], {
    stdio: ['ignore', 2, 2],
  });
}
