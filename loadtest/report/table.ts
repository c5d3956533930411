/** Results on the terminal. */
import Table from 'cli-table3';
import { count, percent } from '../../src/format.ts';
import type { RunResult, Verdict } from '../result.ts';
import { duration, errorShare, gateSentence, hitShare, PERCENTILES, VERDICT_WORD } from './format.ts';

const RESET = '\u001b[0m';
const COLOUR: Readonly<Record<Verdict, string>> = {
  pass: '\u001b[32m',
  warn: '\u001b[33m',
  fail: '\u001b[31m',
};

export interface TableOptions {
  /** Whether to add escape sequences for colours. */
  readonly colour: boolean;
}

/** A row for each profile, and below the table a line for each gate that does not pass. */
export function terminalTable(results: readonly RunResult[], { colour }: TableOptions): string {
  const labels = ['profile', 'offered/s', 'reached/s', ...PERCENTILES.map(([label]) => label)];
  const table = new Table({
    head: [...labels, 'errors', 'hits', 'ceiling/s', 'verdict'],
    colAligns: ['left', ...new Array(5 + PERCENTILES.length).fill('right'), 'left'],
    // The library would also colour the output to a pipe, so `paint` adds the colours.
    style: { head: [], border: [], compact: true },
  });
  for (const result of results) {
    const { load, generator, latency, verdict } = result;
    table.push([
      result.profile,
      load.ratePerSecond === null ? 'closed' : count(load.ratePerSecond),
      count(result.throughputPerSecond),
      ...PERCENTILES.map(([, field]) => duration(latency[field])),
      percent(errorShare(result)),
      percent(hitShare(result)),
      count(generator.ceilingPerSecond) + (generator.saturated ? '!' : ''),
      paint(VERDICT_WORD[verdict], verdict, colour),
    ]);
  }
  const notes = results.flatMap((result) => [
    ...result.gates
      .filter((gate) => gate.verdict !== 'pass')
      .map((gate) =>
        paint(`${VERDICT_WORD[gate.verdict]}: ${gateSentence(result, gate)}`, gate.verdict, colour),
      ),
    ...result.taints.map((taint) => `${result.profile}: ${taint}`),
  ]);
  return [table.toString(), ...notes].join('\n');
}

function paint(text: string, verdict: Verdict, colour: boolean): string {
  return colour ? COLOUR[verdict] + text + RESET : text;
}
