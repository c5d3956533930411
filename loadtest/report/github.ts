/** The results in GitHub Actions: a table in the job summary, and annotations. */
import { count, percent } from '../../src/format.ts';
import type { RunResult } from '../result.ts';
import { markdownRow } from './document.ts';
import { buildText, duration, errorShare, gateSentence, machineText, VERDICT_WORD } from './format.ts';

/** The step summary, in Markdown. */
export function stepSummary(results: readonly RunResult[]): string {
  // Few columns, so that the table fits a phone; results.json has every figure.
  const head = ['profile', 'requests/s', 'p50', 'p99', 'errors', 'verdict'];
  const rows = results.map((result) => [
    result.profile,
    count(result.throughputPerSecond),
    duration(result.latency.p50Us),
    duration(result.latency.p99Us),
    percent(errorShare(result)),
    VERDICT_WORD[result.verdict],
  ]);
  const lines = ['## Load', '', ...[head, head.map(() => '---'), ...rows].map(markdownRow)];
  const notes = results.flatMap((result) => [
    ...result.gates
      .filter((gate) => gate.verdict !== 'pass')
      .map((gate) => `- ${VERDICT_WORD[gate.verdict]}: ${gateSentence(result, gate)}`),
    ...result.taints.map((taint) => `- ${result.profile}: ${taint}`),
  ]);
  const [first] = results;
  const machine =
    first === undefined
      ? 'No profile ran.'
      : `${buildText(first)}; ${machineText(first.machine)}; ${first.startedAt}`;
  return `${[...lines, ...(notes.length > 0 ? ['', ...notes] : []), '', machine].join('\n')}\n`;
}

/** One workflow command for each gate that warns or fails. */
export function annotations(results: readonly RunResult[]): string[] {
  return results.flatMap((result) =>
    result.gates
      .filter((gate) => gate.verdict !== 'pass')
      .map((gate) => {
        const level = gate.verdict === 'fail' ? 'error' : 'warning';
        const title = property(`load ${result.profile}: ${gate.gate}`);
        return `::${level} title=${title}::${message(gateSentence(result, gate))}`;
      }),
  );
}

// Escapes for workflow commands, as GitHub defines them; `%` first, or the other escapes would be escaped.
function message(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function property(text: string): string {
  return message(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
