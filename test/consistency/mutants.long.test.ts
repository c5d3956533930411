import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';

// The checks can fail: each of these faults, put into a copy of the sources, is found by them.

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const COPIED = [
  'src',
  'package.json',
  'test/support',
  'loadtest',
  'test/cache',
  'test/consistency',
  'test/push',
];

interface Mutant {
  readonly name: string;
  readonly file: string;
  /** Stands exactly once in the file. */
  readonly from: string;
  readonly to: string;
}

const WITH_GATES = 'test/cache/coherence.test.ts';
const WITH_VERSIONS = 'test/cache/newer-wins.test.ts';

/** Those that one interleaving shows, and the test with gates that must fail. */
const BY_GATES: readonly (Mutant & { readonly fails: RegExp; readonly suite?: string })[] = [
  {
    name: 'the fence of a flight is ignored',
    file: 'src/cache/flight.ts',
    from: 'flight.fenced = true;',
    to: 'flight.fenced = false;',
    fails: /^an invalidation while a read is on its way back/,
  },
  {
    name: 'a fenced flight may still be joined',
    file: 'src/cache/flight.ts',
    from: `    this.#counters.fencedFlights++;
    this.#open.delete(key);`,
    to: '    this.#counters.fencedFlights++;',
    fails: /^who asks after an invalidation/,
  },
  {
    name: 'L1 keeps what a fenced flight has overtaken',
    file: 'src/cache/two-level.ts',
    from: 'else if (memory.cached(key)?.version !== entry?.version) memory.delete(key);',
    to: '',
    fails: /^who has seen a newer value through a fenced read/,
  },
  {
    name: 'a write does not ask what reads have brought meanwhile',
    file: 'src/cache/writes.ts',
    from: 'const overtaken = seen > entry.version || made > entry.version || this.#holdsNewer(key, entry);',
    to: 'const overtaken = seen === entry.version;',
    fails: /^a write and a read that left after it are answered together/,
  },
  {
    name: 'every echo is taken for our own',
    file: 'src/cache/confirmations.ts',
    from: '(version) => version === entry.version,',
    to: '() => true,',
    fails: /^a write of another that hides behind the echo of ours/,
  },
  {
    name: 'an echo while L2 is asked is not asked about again',
    file: 'src/cache/confirmations.ts',
    from: 'pending.again = true;',
    to: '',
    fails: /^an invalidation while L2 is asked whose echo it was/,
  },
  {
    name: 'the echo of an own write is ignored instead of being asked about',
    file: 'src/cache/two-level.ts',
    from: 'return this.#confirmations.ask(key, held, announced);',
    to: 'return;',
    fails: /^a write of another that hides behind the echo of ours/,
  },
  {
    name: 'an echo before the reply is forgotten',
    file: 'src/cache/own-writes.ts',
    from: `    if (known === undefined) return false;
    known.touched = true;`,
    to: '    if (known === undefined) return false;',
    fails: /^a write of another that hides behind the echo of ours/,
  },
  {
    name: 'L1 is served though it is not trusted',
    file: 'src/cache/two-level.ts',
    from: 'if (this.memory !== undefined) this.memory.trusted = trusted;',
    to: 'if (this.memory !== undefined) this.memory.trusted = true;',
    fails: /^while L1 is not trusted it is not served/,
  },
  {
    name: 'clients are told answers that an own write has overtaken',
    file: 'src/push/hub.ts',
    from: '    if (!counts) return;',
    to: '    if (!counts) void counts;',
    fails: /^an own write is told last/,
    suite: 'test/consistency/push-order.test.ts',
  },
  {
    name: 'what came with a compare-and-set that lost is not told',
    file: 'src/cache/writes.ts',
    from: `    if (touched) changes()?.changed(key, undefined, undefined);
    return outcome;
  }`,
    to: `    void touched;
    return outcome;
  }`,
    fails: /^a compare-and-set that lost/,
  },
  {
    name: 'a pending write does not yield to what the link reports',
    file: 'src/cache/pending-writes/postpone.ts',
    from: 'if (version < pending.version) return undefined;',
    to: 'return undefined;',
    fails: /^a pending write yields to a newer version/,
    suite: WITH_VERSIONS,
  },
  {
    name: 'a write that times out is kept though a newer one was made',
    file: 'src/cache/pending-writes/postpone.ts',
    from: 'if (made >= pending.version) return { status, kept: false };',
    to: '',
    fails: /^a write that times out does not replace a newer one that was acknowledged/,
    suite: WITH_VERSIONS,
  },
  {
    name: 'a pending write takes the place of a newer one',
    file: 'src/cache/pending-writes/pending-writes.ts',
    from: 'return kept.version > other.version;',
    to: 'return kept.version === other.version;',
    fails: /^a write that times out does not replace a newer pending one/,
    suite: WITH_VERSIONS,
  },
];

/** Those that show in a run, and the fault that brings them out. */
const BY_RUN: readonly (Mutant & { readonly fault: string; readonly seconds: number })[] = [
  {
    name: 'arming the link again does not empty L1',
    file: 'src/cache/two-level.ts',
    from: `    this.forgetAll();
    // That the link is armed again`,
    to: `    if (reason === 'flush') this.forgetAll();
    // That the link is armed again`,
    fault: 'link-killed',
    seconds: 3,
  },
  {
    name: 'a link counts as alive for ever',
    file: 'src/redis/heartbeat.ts',
    from: 'return now - this.#provenUntil <= this.#toleranceMs;',
    to: 'return this.#provenUntil > Number.NEGATIVE_INFINITY || now < 0;',
    fault: 'half-open',
    seconds: 3,
  },
  {
    name: 'clients are not told that the state is coherent again',
    file: 'src/cache/two-level.ts',
    from: "this.changes?.reset(trusted ? 'rearmed' : state);",
    to: 'if (!trusted) this.changes?.reset(state);',
    fault: 'data-killed',
    seconds: 2,
  },
];

test('without a mutation the tests with gates pass', async (t) => {
  assert.deepEqual(await failuresByGates(await copyOf(t)), []);
});

for (const { name, fails, suite, ...mutant } of BY_GATES) {
  test(`found by gates: ${name}`, async (t) => {
    const failures = await failuresByGates(await copyOf(t, { name, ...mutant }), suite);
    assert.ok(
      failures.some((failure) => fails.test(failure)),
      `these failed: ${failures.join('; ')}`,
    );
  });
}

for (const { name, fault, seconds, ...mutant } of BY_RUN) {
  test(`found by a run with ${fault}: ${name}`, async (t) => {
    const dir = await copyOf(t, { name, ...mutant });
    const options = ['--seconds', String(seconds), '--replicas', '2', '--fault', fault];
    const { code, output } = await node(dir, ['test/consistency/run.ts', ...options]);
    assert.equal(code, 1, output);
    assert.match(output, /stale by|went back|at the end/);
  });
}

/** A copy of the project with the mutation, for the time of the test. */
async function copyOf(t: TestContext, mutant?: Mutant): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'ratecache-mutant-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  for (const path of COPIED) await cp(join(ROOT, path), join(dir, path), { recursive: true });
  await symlink(join(ROOT, 'node_modules'), join(dir, 'node_modules'));
  if (mutant === undefined) return dir;
  const path = join(dir, mutant.file);
  const parts = (await readFile(path, 'utf8')).split(mutant.from);
  assert.equal(parts.length, 2, `${mutant.file} must hold what is to be mutated exactly once`);
  await writeFile(path, parts.join(mutant.to));
  return dir;
}

/** The names of the tests with gates that fail in this copy. */
async function failuresByGates(dir: string, suite = WITH_GATES): Promise<string[]> {
  const { output } = await node(dir, ['--test-reporter=tap', suite]);
  assert.match(output, /^# tests [1-9]/m, output);
  return Array.from(output.matchAll(/^not ok \d+ - (.*)$/gm), ([, failed]) => failed!);
}

function node(dir: string, args: readonly string[]): Promise<{ code: number; output: string }> {
  // It is a run of its own, and no part of this one.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: dir, env, timeout: 30_000 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, output: stdout + stderr });
    });
  });
}
