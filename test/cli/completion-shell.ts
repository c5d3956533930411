/** A shell that finds `ratecache` in its PATH, in a directory with one file that a completion may offer. */
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { program } from '../../loadtest/target/program.ts';

export interface CompletionDirectory {
  readonly dir: string;
  /** Runs a script with this shell and returns the lines that it printed. */
  shell(name: string, args: readonly string[], script: string): Promise<string[]>;
  remove(): Promise<void>;
}

export async function completionDirectory(): Promise<CompletionDirectory> {
  const dir = await mkdtemp(join(tmpdir(), 'ratecache-completion-'));
  const { command, args } = program();
  const ratecache = join(dir, 'ratecache');
  await writeFile(
    ratecache,
    `#!/bin/sh\nexec '${command}' ${args.map((arg) => `'${arg}'`).join(' ')} "$@"\n`,
  );
  await chmod(ratecache, 0o755);
  await writeFile(join(dir, 'usa.txt'), '');
  return {
    dir,
    async shell(name, args, script) {
      const env = { HOME: dir, TERM: 'xterm', PATH: `${dir}${delimiter}${process.env.PATH}` };
      const file = join(dir, `script.${name}`);
      await writeFile(file, script);
      const { stdout } = await promisify(execFile)(name, [...args, file], {
        cwd: dir,
        env,
        timeout: 150_000,
      });
      return stdout.trimEnd().split('\n');
    },
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}
