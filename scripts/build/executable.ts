/** Node with a program in it: a "single executable application", as Node calls it. */
import { execFile } from 'node:child_process';
import { chmodSync, copyFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from './paths.ts';

const POSTJECT = `${ROOT}node_modules/.bin/postject`;

/** Node looks for its program under this name, if it finds the fuse blown. */
const RESOURCE = 'NODE_SEA_BLOB';
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

/** Half of V8's young generation at most: it bounds how long a collection takes, see docs/performance.md. */
export const SEMI_SPACE_MIB = 8;

/**
 * What V8 takes by itself, and so `--max-semi-space-size` in NODE_OPTIONS still says otherwise: of that flag, had it
 * been kept here, this one would win. This one counts words of 4 bytes, and V8's have 8.
 */
const V8_FLAGS = [`--scavenger-max-new-space-capacity-mb=${SEMI_SPACE_MIB / 2}`];

/** How the program is stored: as its text, with compiled code beside it, or as memory in which it is loaded. */
export type Form = 'text' | 'code-cache' | 'snapshot';

export interface Executable {
  /** CommonJS, without imports but of Node's own modules. */
  readonly program: string;
  readonly form: Form;
  /** Files that it can get, by name. */
  readonly assets: Readonly<Record<string, string>>;
  readonly output: string;
}

export async function makeExecutable({ program, form, assets, output }: Executable): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'ratecache-build-'));
  try {
    // These names go into the blob: they must not differ from build to build.
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
    // Its warnings, about sections that it leaves as they are, are shown only where it fails.
    await run(dir, POSTJECT, executable, RESOURCE, 'blob', '--sentinel-fuse', FUSE);
    replace(executable, output);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function makeBlob(dir: string): Promise<void> {
  const stderr = await run(dir, '--experimental-sea-config', 'config.json');
  // Node warns of its own modules that may not survive in a snapshot.
  if (stderr.includes('not yet fully verified')) throw new Error(stderr);
}

/** Runs Node to its end; gives what it wrote to stderr. */
async function run(dir: string, ...args: readonly string[]): Promise<string> {
  const options = { cwd: dir, env: { PATH: process.env.PATH } };
  const { stderr } = await promisify(execFile)(process.execPath, args, options);
  return stderr;
}

/** Whole or not at all, also where the old one is running. */
function replace(file: string, output: string): void {
  const beside = `${output}.new`;
  copyFileSync(file, beside);
  renameSync(beside, output);
}
