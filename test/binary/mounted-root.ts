import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The user of the image, which owns nothing else. */
const USER = 65532;

/** What `scripts/smoke.sh` has made. */
const ROOT = process.env.SMOKE_ROOT!;

export interface MountedRoot {
  /** An executable that is `ratecache` inside of it. */
  readonly program: string;
  readonly dir: string;
  readonly unmount: () => void;
}

export interface Mounts {
  /** Options of a tmpfs by where it is mounted, such as `{ '/tmp': 'size=16m' }`. */
  readonly tmpfs?: Readonly<Record<string, string>>;
  /** Files by where they are, which are seen in the place of those in the root. */
  readonly files?: Readonly<Record<string, string>>;
}

/** Mounts the root directory, read-only, with /proc and /dev/null as a container has them. */
export function mountRoot({ tmpfs = {}, files = {} }: Mounts): MountedRoot {
  const work = mkdtempSync(join(tmpdir(), 'ratecache-smoke-'));
  const dir = join(work, 'root');
  mkdirSync(dir);
  // Places to mount on, as a container runtime makes them.
  for (const path of Object.keys(files)) writeFileSync(join(ROOT, path), '', { flag: 'a' });
  for (const path of Object.keys(tmpfs)) mkdirSync(join(ROOT, path), { recursive: true });
  mkdirSync(join(ROOT, 'dev'), { recursive: true });
  writeFileSync(join(ROOT, 'dev/null'), '', { flag: 'a' });
  mount('--bind', ROOT, dir);
  for (const [path, text] of Object.entries(files)) {
    const file = join(work, path.replaceAll('/', '_'));
    writeFileSync(file, text);
    mount('--bind', file, join(dir, path));
  }
  mount('--rbind', '/proc', join(dir, 'proc'));
  // The supervisor gives it to its processes as standard input.
  mount('--bind', '/dev/null', join(dir, 'dev/null'));
  for (const [path, options] of Object.entries(tmpfs))
    mount('-t', 'tmpfs', '-o', options, 'tmpfs', join(dir, path));
  mount('-o', 'remount,bind,ro', dir);

  const program = join(work, 'ratecache');
  writeFileSync(program, `#!/bin/sh\nexec chroot ${userspec()} ${dir} /usr/local/bin/ratecache "$@"\n`);
  chmodSync(program, 0o755);
  return { program, dir, unmount: () => execFileSync('umount', ['--recursive', '--lazy', dir]) };
}

function mount(...args: readonly string[]): void {
  execFileSync('mount', args, { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** Who is root only in a namespace of users cannot become somebody else. */
function userspec(): string {
  return process.env.SMOKE_EUID !== '0' ? '' : `--userspec=${USER}:${USER}`;
}
