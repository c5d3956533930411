import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parse } from 'yaml';
import { VARIABLES, type VariableName } from '../../src/config/variables.ts';
import { codesOf, headingsOf, rowsOf, sectionOf } from './markdown.ts';
import { pagesOf, textOf } from './pages.ts';

const ROOT = new URL('../..', import.meta.url);
const read = (file: string) => readFileSync(new URL(file, ROOT), 'utf8');
const RUNBOOK = textOf('runbook');

test('every alert links to its own procedure, and every procedure has an alert', () => {
  const { groups } = parse(read('deploy/prometheus/alerts.yml')) as {
    groups: {
      rules: { alert: string; labels: Record<string, string>; annotations: Record<string, string> }[];
    }[];
  };
  const rules = groups.flatMap((group) => group.rules);
  const table = new Map(rowsOf(sectionOf(RUNBOOK, 'By alert')).map((row) => [row[0], row]));
  const pages = pagesOf('runbook').filter(({ file }) => file.endsWith('-alerts.md'));
  const procedures = pages.flatMap(({ file, text }) =>
    headingsOf(text)
      .slice(1)
      .map((heading) => `${file}#${heading.toLowerCase()}`),
  );
  assert.deepEqual(procedures.sort(), rules.map(({ annotations }) => annotations.runbook_url!).sort());
  assert.equal(table.size, rules.length);
  for (const { alert, labels, annotations } of rules) {
    const link = annotations.runbook_url!.replace(/^docs\//, '');
    assert.ok(link.endsWith(`#${alert.toLowerCase()}`), alert);
    const [, , severity, within] = table.get(`[${alert}](${link})`) ?? [];
    assert.equal(severity, labels.severity, alert);
    assert.equal(within, labels.response_time!.replace('m', ' minutes'), alert);
    const procedure = sectionOf(RUNBOOK, alert);
    for (const part of ['**Effect on quotes:**', '**Check**', '**Act', '**Resolved when**'])
      assert.ok(procedure.includes(part), `${alert} without ${part}`);
  }
});

test('the defaults in the runbook match the variables', () => {
  const rows = rowsOf(sectionOf(RUNBOOK, 'Environment variables'));
  assert.equal(rows.length, 18);
  for (const [name, value] of rows) {
    const variable = VARIABLES[name!.replaceAll('`', '') as VariableName];
    assert.equal(value, 'default' in variable ? String(variable.default) : 'required', name);
  }
});

test('the service writes every log line of the runbook at the documented level', () => {
  const sources = globSync('src/**/*.ts', { cwd: ROOT })
    .map((file) => read(file))
    .join('\n');
  const lines = rowsOf(sectionOf(RUNBOOK, 'Log lines'));
  assert.ok(lines.length > 15);
  for (const [texts, level] of lines)
    for (const text of codesOf(texts!)) {
      const at = sources.indexOf(`'${text}'`);
      assert.ok(at > 0, `no source writes ${text}`);
      const call = [...sources.slice(0, at).matchAll(/log\.(\w+)\(/g)].at(-1)![1];
      assert.equal(call, level, text);
    }
});

test('the runbook names every log line of the supervisor', () => {
  const documented = rowsOf(sectionOf(RUNBOOK, 'Log lines')).flatMap(([texts]) => codesOf(texts!));
  const files = globSync('src/service/supervisor/*.ts', { cwd: ROOT });
  const logged = files.flatMap((file) => {
    // A long text is the sum of several.
    const source = read(file).replaceAll(/' \+\n\s+'/g, '');
    return [...source.matchAll(/\blog\s*\.(?:debug|info|warn|error)\(((?:.|\n)*?)\);\n/g)].flatMap(
      ([, given]) =>
        [...given!.matchAll(/^'([^']+)'|[\s ]'([^']+)'/g)].map(([, first, later]) => (first ?? later)!),
    );
  });
  assert.ok(logged.length > 10);
  assert.deepEqual(
    logged.filter((text) => !documented.includes(text)),
    [],
  );
});

test('every file that the runbook names exists', () => {
  const files = codesOf(RUNBOOK).filter((code) => /^(src|deploy|test|docs)\//.test(code));
  assert.ok(files.length > 10);
  assert.deepEqual(
    files.filter((file) => !existsSync(new URL(file, ROOT))),
    [],
  );
});
