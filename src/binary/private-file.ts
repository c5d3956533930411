/** A file that only this process can have written, for as long as something is loaded from it. */
import { createHash } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Nothing could be written, or what was written could not be loaded: EX_CANTCREAT of sysexits.h. */
export const EXIT_CANNOT_UNPACK = 73;

export class CannotUnpack extends Error {
  readonly exitCode = EXIT_CANNOT_UNPACK;
}

/** Where it is tried, in this order. */
export function temporaryDirectories(env: Readonly<Record<string, string | undefined>>): string[] {
  return [...new Set([env.TMPDIR || '/tmp', '/tmp', '/dev/shm'])];
}

export interface PrivateFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly sha256: string;
}

/**
 * Writes the file where it can be, into a directory that is closed to others, and verifies it before `load` gets its
 * path. It is gone when this returns. A directory in which `load` fails is a reason to try the next: it may be mounted
 * noexec.
 * @throws CannotUnpack with the reason for each directory
 */
export function loadFromPrivateFile(
  directories: readonly string[],
  file: PrivateFile,
  load: (path: string) => void,
): void {
  const failures: string[] = [];
  for (const directory of directories) {
    try {
      return loadIn(directory, file, load);
    } catch (error) {
      failures.push(`  ${directory}: ${(error as Error).message}`);
    }
  }
  throw new CannotUnpack(
    [
      `${file.name} cannot be unpacked and loaded anywhere:`,
      ...failures,
      'Mount a tmpfs of 16 MB at /tmp, not noexec, or let TMPDIR name a directory to write to and execute from.',
    ].join('\n'),
  );
}

function loadIn(directory: string, { name, bytes, sha256 }: PrivateFile, load: (path: string) => void): void {
  refuseIfOthersCanExchange(directory);
  const own = mkdtempSync(join(directory, 'ratecache-addon-'));
  try {
    const path = join(own, name);
    writeFileSync(path, bytes, { flag: 'wx', mode: 0o500 });
    if (sha256Of(path) !== sha256) throw new Error('what was written is not what was read back');
    load(path);
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
}

/** mkdtemp closes the directory it makes; but whoever may rename it could put another in its place. */
function refuseIfOthersCanExchange(directory: string): void {
  const { mode } = statSync(directory);
  const othersWrite = (mode & 0o022) !== 0;
  const sticky = (mode & 0o1000) !== 0;
  if (othersWrite && !sticky) throw new Error('others may write there, and it has no sticky bit');
}

/** In pieces, since a buffer of the whole would stay in memory for a while. */
function sha256Of(path: string): string {
  const hash = createHash('sha256');
  const piece = Buffer.allocUnsafe(64 * 1024);
  const fd = openSync(path, 'r');
  try {
    for (let length = readSync(fd, piece); length > 0; length = readSync(fd, piece))
      hash.update(piece.subarray(0, length));
  } finally {
    closeSync(fd);
  }
  return hash.digest('hex');
}
