import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import packageJson from '../../package.json' with { type: 'json' };
import { BUILD } from '../binary/build.ts';

/** What `ratecache --version` says. */
export function versionText(): string {
  const { version, dependencies } = packageJson;
  const [repacked = ''] = /[^:]+$/.exec(dependencies['uWebSockets.js']) ?? [];
  return [
    `ratecache ${version}`,
    `commit ${BUILD?.commit ?? commitOfSources()}`,
    `Node ${process.versions.node}`,
    `uWebSockets.js ${/\d+/.exec(repacked)} (${repacked})`,
  ].join('\n');
}

/** In full, with `-dirty` where files differ from it; `unknown` where there is no git. */
export function commitOfSources(): string {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty', '--exclude=*', '--abbrev=40'], {
      cwd: fileURLToPath(new URL('.', import.meta.url)),
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return 'unknown';
  }
}
