/**
 * Checks the licenses of the packages that ship, and asks the registry of npm for their known vulnerabilities. With
 * `--licenses` it checks the licenses only, which needs no network. Exit code 1: a fault was found.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { type Lock, licenseFaults } from './licenses-allowed.ts';

const lock = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8')) as Lock;
const faults = licenseFaults(lock);
for (const fault of faults) console.error(`license not allowed: ${fault}`);
if (faults.length === 0) console.log('licenses: every package that ships has an allowed one');
else process.exitCode = 1;
if (!process.argv.includes('--licenses')) auditVulnerabilities();

function auditVulnerabilities(): void {
  const { stdout } = spawnSync('npm', ['audit', '--omit=dev', '--json'], { encoding: 'utf8' });
  const report = parse(stdout);
  if (report?.vulnerabilities === undefined) {
    const reason = report?.message ?? report?.error?.summary ?? 'no answer';
    console.error(`vulnerabilities: NOT CHECKED, because the registry did not answer the audit: ${reason}`);
    return;
  }
  const found = Object.values(report.vulnerabilities);
  for (const { name, severity, range } of found) console.error(`${severity}: ${name} ${range}`);
  if (found.length > 0) process.exitCode = 1;
  else console.log('vulnerabilities: the registry knows none in the packages that ship');
}

interface Report {
  readonly vulnerabilities?: Readonly<
    Record<string, { readonly name: string; readonly severity: string; readonly range: string }>
  >;
  readonly message?: string;
  readonly error?: { readonly summary?: string };
}

function parse(text: string): Report | undefined {
  try {
    return JSON.parse(text) as Report;
  } catch {
    return undefined;
  }
}
