import { rewriteDocument, withMarked } from '../../loadtest/report/document.ts';
import { QUICK } from './effort.ts';
import type { Report } from './result.ts';
import { markdownTable } from './table.ts';

/** Writes the table of a run between its two marks in `docs/performance/microbenchmarks.md`. */
export function record(report: Report): void {
  rewriteDocument('performance/microbenchmarks.md', (document) =>
    withMarked(document, 'benchmarks', recorded(report)),
  );
}

/** The text between the marks. */
function recorded({ startedAt, seconds, machine, commit, effort, results }: Report): string {
  const { cpu, cores, platform, node } = machine;
  const where = `${cpu}, ${cores} cores, ${platform}, Node ${node}`;
  const what = commit === null ? '' : `, commit ${commit}`;
  const quick =
    effort.rounds === QUICK.rounds
      ? '\nThis was a run with `--quick`: the order of things is right, their digits are not.\n'
      : '';
  return `\n${startedAt.slice(0, 10)}, ${where}${what}; ${seconds} s.\n${quick}\n${markdownTable(results)}\n`;
}
