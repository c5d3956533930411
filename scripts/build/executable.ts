/** Node with a program in it: what Node calls a "single executable application". */
import { execFile } from 'node:child_process';
import { chmodSync, copyFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from './paths.ts';

const POSTJECT = `${ROOT}node_modules/.bin/postject`;

/** Node loads its program from the resource with this name, if the fuse is set. */
const RESOURCE = 'NODE_SEA_BLOB';
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

/** Limit of half of V8's young generation. It limits the duration of a collection: see docs/performance/large-cache.md. */
export const SEMI_SPACE_MIB = 8;

/**
 * Changes V8's default, so that `--max-semi-space-size` in NODE_OPTIONS can still override it. That flag itself here
 * would override NODE_OPTIONS. The value counts words of 4 bytes; V8 has words of 8 bytes, so it is halved.
 */
const V8_FLAGS = [`--scavenger-max-new-space-capacity-mb=${SEMI_SPACE_MIB / 2}`];

/** How the program is stored: as text, as text with compiled code, or as a snapshot of the memory after loading it. */
export type Form = 'text' | 'code-cache' | 'snapshot';

export interface Executable {
  /** CommonJS that imports only Node's own modules. */
  readonly program: string;
  readonly form: Form;
  /** Files that the program can read, by name. */
  readonly assets: Readonly<Record<string, string>>;
  readonly output: string;
}

export async function makeExecutable({ program, form, assets, output }: Executable): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'ratecache-build-'));
  try {
    // The blob contains these names, so they must be the same in every build.
    writeFileSync(join(dir, 'ratecache.cjs'), program);
    const config = {
      main: 'ratecache.cjs',
      output: 'blob',
      disableExperimentalSEAWarning: true,
      useSnapshot: form === 'snapshot',
      useCodeCache: form === 'code-cache',
      execArgv: V8_FLAGS,
      assets,
    };
    writeFileSync(join(dir, 'config.json'), JSON.stringify(config));
    await makeBlob(dir);
    const executable = join(dir, 'executable');
    copyFileSync(process.execPath, executable);
    chmodSync(executable, 0o755);
    // Its warnings about unchanged sections are shown only if it fails.
    await run(dir, POSTJECT, executable, RESOURCE, 'blob', '--sentinel-fuse', FUSE);
    replace(executable, output);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function makeBlob(dir: string): Promise<void> {
  const stderr = await run(dir, '--experimental-sea-config', 'config.json');
  // Node warns about its own modules that may not work in a snapshot.
  if (stderr.includes('not yet fully verified')) throw new Error(stderr);
}

/** Runs Node to its end, and returns its stderr. */
async function run(dir: string, ...args: readonly string[]): Promise<string> {
  const options = { cwd: dir, env: { PATH: process.env.PATH } };
  const { stderr } = await promisify(execFile)(process.execPath, args, options);
  return stderr;
}

/** Replaces the file in one step, even while the old one runs. */
function replace(file: string, output: string): void {
  const copy = `${output}.new`;
  copyFileSync(file, copy);
  renameSync(copy, output);
}
