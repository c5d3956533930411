/** A file that only this process can have written, for as long as something is loaded from it. */
import { createHash } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs';
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
 * Writes the file where it can be, into a directory that is closed to others, and verifies it before `load` gets a path
 * to it. It is gone when this returns. A directory in which `load` fails is a reason to try the next: it may be mounted
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
      failures.push(`  ${directory}: ${reasonOf(error as Error)}`);
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

/** As its reader would say it. */
function reasonOf({ message }: Error): string {
  return message.includes('failed to map segment') ? 'it is mounted noexec' : message;
}

function loadIn(directory: string, { name, bytes, sha256 }: PrivateFile, load: (path: string) => void): void {
  const own = mkdtempSync(join(directory, 'ratecache-addon-'));
  try {
    const path = join(own, name);
    writeFileSync(path, bytes, { flag: 'wx', mode: 0o500 });
    const fd = openSync(path, 'r');
    try {
      if (sha256Of(fd) !== sha256) throw new Error('what was written is not what was read back');
      // Not by its name: whoever may write to `directory` could have put another in the place of ours since, as there
      // may be no sticky bit, which volumes of Kubernetes have not.
      load(`/proc/self/fd/${fd}`);
    } finally {
      closeSync(fd);
    }
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
}

/** In pieces, since a buffer of the whole would stay in memory for a while. */
function sha256Of(fd: number): string {
  const hash = createHash('sha256');
  const piece = Buffer.allocUnsafe(64 * 1024);
  for (let length = readSync(fd, piece); length > 0; length = readSync(fd, piece))
    hash.update(piece.subarray(0, length));
  return hash.digest('hex');
}
