import { cpus, release } from 'node:os';
import { commitOfSources } from '../../src/cli/version.ts';

/**
 * When, where and on which commit something was measured, as a sentence.
 * @param started milliseconds since the epoch
 * @param effort how much was measured, such as `5 rounds of 1 s`
 */
export function machineSentence(started: number, effort: string): string {
  const cores = cpus();
  const when = new Date(started).toISOString().slice(0, 16).replace('T', ' ');
  const seconds = Math.round((Date.now() - started) / 1000);
  return (
    `${when} UTC, ${cores[0]?.model.trim() ?? 'unknown CPU'}, ${cores.length} cores, Linux ${release()}, ` +
    `Node ${process.version}, commit ${commitOfSources(7)}; ${effort}, ${seconds} s in all.`
  );
}
