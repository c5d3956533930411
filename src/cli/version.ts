import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import packageJson from '../../package.json' with { type: 'json' };
import { BUILD } from '../build-info.ts';

/** The output of `ratecache --version`. */
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

/**
 * The commit of the sources; ends in `-dirty` if files differ from it. `unknown` without git.
 * @param digits minimum length of the hash
 */
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
