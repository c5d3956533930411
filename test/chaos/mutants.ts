/** Mutants that the checks must detect, each with the fault that detects it. */
import type { MutantName } from '../mutants/index.ts';
import { runWith } from '../mutants/run.ts';

export interface MutantCase {
  readonly mutant: MutantName;
  /** The fault for `run.ts`, or a test file. */
  readonly run: string;
  /** The text that the output must contain. */
  readonly finds: RegExp;
}

export const CASES: readonly MutantCase[] = [
  { mutant: 'pending writes are not replayed', run: 'frozen 2 s', finds: /recovered after Infinity ms/ },
  {
    mutant: 'pending writes are dropped instead of being replayed',
    run: 'frozen 2 s',
    finds: /was acknowledged with 202/,
  },
  {
    mutant: 'a replay overwrites what is newer',
    run: 'connections refused',
    finds: /was acknowledged with 20[14]/,
  },
  {
    mutant: 'reads ignore the pending writes',
    run: 'full (OOM)',
    finds: /was #\d+ at replica \d and not #\d+/,
  },
  {
    mutant: 'the circuit breaker never opens',
    run: 'frozen 2 s',
    finds: /of the reads waited for Redis/,
  },
  { mutant: 'the circuit breaker never closes', run: 'frozen 2 s', finds: /recovered after Infinity ms/ },
  { mutant: 'a command may take as long as it likes', run: 'frozen 2 s', finds: /a read took \d{3,} ms/ },
  {
    mutant: 'a write that Redis refuses for a while has failed',
    run: 'full (OOM)',
    finds: /\d+ writes failed/,
  },
  {
    mutant: 'a connection that was replaced is left open',
    run: 'test/chaos/late-bytes.test.ts',
    finds: /^not ok .* a pending write delayed in a half-open connection/m,
  },
  {
    mutant: 'a connection is made again for every write that a replica refuses',
    run: 'READONLY',
    finds: /lines were logged/,
  },
  {
    mutant: 'a stopping instance does not ask its clients to close',
    run: 'rolling',
    finds: /no client was asked to close/,
  },
];

const TIMEOUT_MS = 150_000;

/** Runs the fault with the mutant. Returns the output, and whether the run failed as expected. */
export async function isFound({
  mutant,
  run,
  finds,
}: MutantCase): Promise<{ found: boolean; output: string }> {
  const args = run.endsWith('.ts') ? [run] : ['test/chaos/run.ts', run];
  const { code, output } = await runWith(mutant, args, TIMEOUT_MS);
  return { found: code === 1 && finds.test(output), output };
}
