/**
 * The checks can fail: each of these defects, put into a copy of the sources, is found by the run of one fault.
 * Each mutation stands exactly once in its file.
 */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Mutant {
  readonly name: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** What `run.ts` is asked for; or a test. */
  readonly run: string;
  /** What it must say. */
  readonly finds: RegExp;
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'the pending writes are not replayed',
    file: 'src/cache/pending-writes/postpone.ts',
    from: 'return this.pending writes.size === 0 ? Promise.resolve() : this.#replay.run();',
    to: 'return Promise.resolve();',
    run: 'frozen 2 s',
    finds: /recovered after Infinity ms/,
  },
  {
    name: 'the pending writes are thrown away instead of being replayed',
    file: 'src/cache/pending-writes/replay.ts',
    from: 'return this.#reachesRedis(() => this.#actions.write(this.#changeOf(pending)));',
    to: 'return this.#pending writes.done(pending) ?? true;',
    run: 'frozen 2 s',
    finds: /was acknowledged with 202/,
  },
  {
    name: 'a replay overwrites what is newer',
    file: 'src/cache/pending-writes/replay.ts',
    from: 'expiresAt, condition, late: true };',
    to: 'expiresAt, late: true };',
    run: 'connections refused',
    finds: /was acknowledged with 20[14]/,
  },
  {
    name: 'reads do not ask the pending writes',
    file: 'src/cache/pending-writes/postpone.ts',
    from: 'const pending = this.pending writes.get(key);\n    if (pending === undefined) return undefined;',
    to: 'const pending = this.pending writes.get(key);\n    if (pending !== undefined) return undefined; else return undefined;',
    run: 'full (OOM)',
    finds: /was #\d+ at replica \d and not #\d+/,
  },
  {
    name: 'the breaker never opens',
    file: 'src/redis/breaker.ts',
    from: 'if (this.#open || ++this.#failures < this.#options.failures) return;',
    to: 'if (this.#options.failures > 0) return;',
    run: 'frozen 2 s',
    finds: /of the reads waited for Redis/,
  },
  {
    name: 'the breaker never closes',
    file: 'src/redis/breaker.ts',
    from: 'if (!this.#open || !answered) return;',
    to: 'if (!this.#open || answered || !answered) return;',
    run: 'frozen 2 s',
    finds: /recovered after Infinity ms/,
  },
  {
    name: 'a command may take as long as it likes',
    file: 'src/redis/deadline.ts',
    from: 'let due = performance.now() + ms;',
    to: 'let due = performance.now() + 50 * ms;',
    run: 'frozen 2 s',
    finds: /a read took \d{3,} ms/,
  },
  {
    name: 'a refused write is a failed one',
    file: 'src/redis/refusal.ts',
    from: 'const passing = PASSING.has(name);',
    to: "const passing = name === '';",
    run: 'full (OOM)',
    finds: /\d+ writes failed/,
  },
  {
    name: 'the connection that another one has replaced is left to itself',
    file: 'src/redis/connect.ts',
    from: "['KILL', ...known]",
    to: "['ID']",
    run: 'test/chaos/late-bytes.test.ts',
    finds: /'2' !== '3'/,
  },
  {
    name: 'every refused write makes the connection anew',
    file: 'src/redis/connect.ts',
    from: 'events.readonly();\n      return false;',
    to: "events.readonly();\n      return error.message.startsWith('READONLY');",
    run: 'READONLY',
    finds: /lines were logged/,
  },
  {
    name: 'a stopping instance does not ask its clients to go',
    file: 'src/http/server.ts',
    from: 'load.draining = true;',
    to: 'load.draining = false;',
    run: 'rolling',
    finds: /no client was asked to close/,
  },
];

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const COPIED = ['src', 'package.json', 'test/support', 'test/consistency', 'test/chaos', 'loadtest'];
const TIMEOUT_MS = 60_000;

/** Runs the mutant's fault in a copy that has the mutation; gives what it said, and whether it failed as it must. */
export async function isFound(mutant: Mutant): Promise<{ found: boolean; output: string }> {
  const dir = await mkdtemp(join(tmpdir(), 'ratecache-mutant-'));
  try {
    for (const path of COPIED) await cp(join(ROOT, path), join(dir, path), { recursive: true });
    await symlink(join(ROOT, 'node_modules'), join(dir, 'node_modules'));
    const path = join(dir, mutant.file);
    const parts = (await readFile(path, 'utf8')).split(mutant.from);
    if (parts.length !== 2) throw new Error(`${mutant.file} must hold what is to be mutated exactly once`);
    await writeFile(path, parts.join(mutant.to));
    const { code, output } = await run(
      dir,
      mutant.run.endsWith('.ts') ? [mutant.run] : ['test/chaos/run.ts', mutant.run],
    );
    return { found: code === 1 && mutant.finds.test(output), output };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

function run(dir: string, args: readonly string[]): Promise<{ code: number; output: string }> {
  // It is a run of its own, and no part of this one.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: dir, env, timeout: TIMEOUT_MS }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, output: stdout + stderr });
    });
  });
}
