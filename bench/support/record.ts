import { readFileSync, writeFileSync } from 'node:fs';
import { QUICK } from './effort.ts';
import type { Report } from './result.ts';
import { markdownTable } from './table.ts';

const DOCUMENT = new URL('../../docs/benchmarks.md', import.meta.url);
const MARKS = /(<!-- benchmarks: .* -->\n)[\s\S]*(<!-- \/benchmarks -->)/;

/** Writes the table of a run between its two marks in `docs/benchmarks.md`. */
export function record(report: Report): void {
  const document = readFileSync(DOCUMENT, 'utf8');
  if (!MARKS.test(document)) throw new Error('docs/benchmarks.md has lost the marks around its table');
  writeFileSync(
    DOCUMENT,
    document.replace(MARKS, (_, begin, end) => begin + recorded(report) + end),
  );
  console.log('written to docs/benchmarks.md');
}

/** The text between the marks. */
export function recorded({ startedAt, seconds, machine, commit, effort, results }: Report): string {
  const { cpu, cores, platform, node } = machine;
  const where = `${cpu}, ${cores} cores, ${platform}, Node ${node}`;
  const what = commit === null ? '' : `, commit ${commit}`;
  const quick =
    effort.rounds === QUICK.rounds
      ? '\nThis was a run with `--quick`: the order of things is right, their digits are not.\n'
      : '';
  return `\n${startedAt.slice(0, 10)}, ${where}${what}; ${seconds} s.\n${quick}\n${markdownTable(results)}\n`;
}
