/** Loads a library from a temporary file that no other user can replace. */
import { createHash } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The file could not be written or loaded in any directory: EX_CANTCREAT of sysexits.h. */
export const EXIT_CANNOT_UNPACK = 73;

class CannotUnpack extends Error {
  readonly exitCode = EXIT_CANNOT_UNPACK;
}

/** The directories to try, in order. */
export function temporaryDirectories(env: Readonly<Record<string, string | undefined>>): string[] {
  return [...new Set([env.TMPDIR || '/tmp', '/tmp', '/dev/shm'])];
}

export interface PrivateFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly sha256: string;
}

/**
 * Writes the file into a new private directory, verifies it, and calls `load` with a path to it. The file is deleted
 * before this returns. If a directory cannot be used, for example because it is mounted noexec, it tries the next one.
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
      'Mount a tmpfs of 16 MB at /tmp without noexec, and 7 MB more for each of PROCESSES, or set TMPDIR to a directory ' +
        'that allows writing and executing.',
    ].join('\n'),
  );
}

/** The reason of a failure, in words for the operator. */
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
      if (sha256Of(fd) !== sha256) throw new Error('the written file has the wrong SHA-256');
      // Load by the descriptor, not by the name: a user with write access to `directory` could have replaced the file.
      // The directory may lack a sticky bit, as volumes of Kubernetes do.
      load(`/proc/self/fd/${fd}`);
    } finally {
      closeSync(fd);
    }
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
}

/** Reads the file in chunks, because a buffer of the whole file would stay in memory for some time. */
function sha256Of(fd: number): string {
  const hash = createHash('sha256');
  const piece = Buffer.allocUnsafe(64 * 1024);
  for (let length = readSync(fd, piece); length > 0; length = readSync(fd, piece))
    hash.update(piece.subarray(0, length));
  return hash.digest('hex');
}
