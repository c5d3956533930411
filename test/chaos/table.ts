/** Formats rows as Markdown and writes them to docs/reliability.md. */
import { execFile } from 'node:child_process';
import { availableParallelism, cpus } from 'node:os';
import { promisify } from 'node:util';
import { markdownRow, markdownTable, rewriteDocument, withMarked } from '../../loadtest/report/document.ts';
import type { Row } from './measure.ts';

const COLUMNS = [
  'fault',
  'reads',
  '5xx',
  'unknown',
  'slowest ms',
  'generator late ms',
  'slow %',
  'writes',
  '202',
  '5xx',
  'noticed ms',
  'recovered ms',
  'log lines',
  'lost',
  'stale',
  'RSS MiB',
];
export const HEAD = markdownTable(COLUMNS, []);

export function rowOf(row: Row): string {
  const cells = [
    row.name,
    row.reads,
    row.failedReads,
    row.unknownReads,
    row.slowestOwnMs.toFixed(0),
    row.lagMs.toFixed(0),
    (row.slowShare * 100).toFixed(1),
    row.writes,
    row.postponed,
    row.failedWrites,
    row.noticedMs === Number.POSITIVE_INFINITY ? 'never' : row.noticedMs.toFixed(0),
    row.recoveredMs.toFixed(0),
    row.logLines,
    row.lost.length,
    row.stale.length,
    `${row.rssBefore.toFixed(0)} → ${row.rssAfter.toFixed(0)}`,
  ];
  return markdownRow(cells.map(String));
}

/** Puts the lines between the marks of this name, under the date and the machine. */
export async function writeTable(name: string, lines: readonly string[]): Promise<void> {
  const body = [await machine(), '', ...lines].join('\n');
  rewriteDocument('reliability.md', (document) => withMarked(document, name, `${body}\n`));
}

async function machine(): Promise<string> {
  const { stdout } = await promisify(execFile)('redis-server', ['--version']);
  const redis = /v=(\S+)/.exec(stdout)?.[1] ?? 'unknown';
  const date = new Date().toISOString().slice(0, 10);
  const model = cpus()[0]?.model.trim();
  return `${date}, ${availableParallelism()} cores${model ? ` (${model})` : ''}, Node ${process.versions.node}, Redis ${redis}.`;
}
