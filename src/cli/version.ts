import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import packageJson from '../../package.json' with { type: 'json' };
import { BUILD } from '../build-info.ts';
import { selectAddon } from '../uws.ts';

/** The output of `ratecache --version`. */
export function versionText(): string {
  const { version, commit } = ownBuild();
  return [
    `ratecache ${version}`,
    `commit ${commit}`,
    `Node ${process.versions.node}`,
    `uWebSockets.js ${addonText()}`,
  ].join('\n');
}

/** The version and commit of this program. */
export function ownBuild(): { readonly version: string; readonly commit: string } {
  return { version: packageJson.version, commit: BUILD?.commit ?? commitOfSources() };
}

/** The addon that this machine loads, or why it loads none: `--version` works anyway. */
function addonText(): string {
  try {
    const { version, package: name, sha256 } = selectAddon().report;
    return `${version} (${name}) sha256 ${sha256}`;
  } catch (error) {
    return `not loaded: ${(error as Error).message.replace(/\s*\n\s*/g, ' ')}`;
  }
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
