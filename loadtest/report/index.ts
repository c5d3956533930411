/** Writes the report files, and the output for GitHub Actions. `table.ts` prints the table on the terminal. */
import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunResult } from '../result.ts';
import { annotations, stepSummary } from './github.ts';
import { htmlReport } from './html.ts';
import { junitXml } from './junit.ts';

/**
 * Writes `results.json`, `junit.xml`, `report.html` and `summary.md` to `dir` and returns their paths. In GitHub Actions it also
 * appends to the job summary (`GITHUB_STEP_SUMMARY`) and prints an annotation for each gate that does not pass.
 */
export async function writeReports(
  results: readonly RunResult[],
  dir: string,
  env: NodeJS.ProcessEnv,
  print: (line: string) => void = console.log,
): Promise<string[]> {
  await mkdir(dir, { recursive: true });
  const files: readonly (readonly [name: string, text: string])[] = [
    ['results.json', `${JSON.stringify(results, null, 1)}\n`],
    ['junit.xml', junitXml(results)],
    ['report.html', htmlReport(results)],
    ['summary.md', stepSummary(results)],
  ];
  const paths: string[] = [];
  for (const [name, text] of files) {
    const path = join(dir, name);
    await writeFile(path, text);
    paths.push(path);
  }
  if (env.GITHUB_STEP_SUMMARY) await appendFile(env.GITHUB_STEP_SUMMARY, stepSummary(results));
  if (env.GITHUB_ACTIONS === 'true') for (const line of annotations(results)) print(line);
  return paths;
}
