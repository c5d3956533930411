/** Adds an entry to a tokens file. The service reads the old file or the new file, never a part of one. */
import {
  chownSync,
  closeSync,
  existsSync,
  fchmodSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { parseEntries, type TokenEntry } from './tokens-file.ts';

/** Only the owner may read a file that is created here. */
const MODE = 0o600;

/**
 * Creates the file if it does not exist. An existing file keeps its owner and its mode, so that the service can still
 * read it.
 * @throws TokensFileError if the file, or the file with this entry, is invalid; then nothing is changed
 */
export function addEntry(path: string, entry: TokenEntry): void {
  const exists = existsSync(path);
  // The link stays, and the file behind it is replaced.
  const file = exists ? realpathSync(path) : path;
  const draft = `${file}.new`;
  // The draft is also the lock between two writers.
  const descriptor = openDraft(draft);
  try {
    const tokens = exists ? parseEntries(readFileSync(file, 'utf8')) : [];
    const text = `${JSON.stringify({ tokens: [...tokens, entry] }, undefined, 2)}\n`;
    parseEntries(text);
    writeFileSync(descriptor, text);
    if (exists) {
      const { mode, uid, gid } = statSync(file);
      chownSync(draft, uid, gid);
      fchmodSync(descriptor, mode & 0o777);
    }
    fsyncSync(descriptor);
    renameSync(draft, file);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  } finally {
    closeSync(descriptor);
  }
}

function openDraft(draft: string): number {
  try {
    return openSync(draft, 'wx', MODE);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new Error(`another program is writing ${draft}; if no such program runs, delete this file`);
  }
}
