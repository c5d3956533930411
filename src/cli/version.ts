import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import packageJson from '../../package.json' with { type: 'json' };
import { BUILD } from '../build-info.ts';

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

/** With `-dirty` where files differ from it; `unknown` where there is no git. @param digits at least so many */
export function commitOfSources(digits = 40): string {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty', '--exclude=*', `--abbrev=${digits}`], {
      cwd: fileURLToPath(new URL('.', import.meta.url)),
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return 'unknown';
  }
}
