import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ASSETS, assetPath } from '../../loadtest/report/assets.ts';
import { TOOLS } from '../../src/binary/tools.ts';
import { LICENSES } from '../../src/cli/licenses.ts';
import { commitOfSources } from '../../src/cli/version.ts';
import { addons } from './addon.ts';
import { bundle, bundlesForSnapshot } from './bundle.ts';
import { type Form, makeExecutable } from './executable.ts';
import { licensesText } from './licenses.ts';
import { UI_FILES, uiScripts } from './ui.ts';

/** Builds the single binary for this system. The form is what benchmarks compare; it ships as a snapshot. */
export async function buildBinary(output: string, form: Form): Promise<void> {
  if (process.platform !== 'linux') throw new Error('it is made for Linux, and so must be built there');
  const native = addons();
  const byAsset = (field: 'path' | 'sha256') =>
    Object.fromEntries(native.map((each) => [each.asset, each[field]]));
  // The build of the image has no git; the builder passes the commit.
  const info = { commit: process.env.RATECACHE_COMMIT || commitOfSources(), addons: byAsset('sha256') };
  const dir = mkdtempSync(join(tmpdir(), 'ratecache-assets-'));
  const written = (name: string, text: string) => {
    // The name may have a folder.
    const file = join(dir, name.replaceAll('/', '-'));
    writeFileSync(file, text);
    return { [name]: file };
  };
  const writtenAll = (texts: Readonly<Record<string, string>>) =>
    Object.assign({}, ...Object.entries(texts).map(([name, text]) => written(name, text))) as Record<
      string,
      string
    >;
  try {
    const bundles = form === 'snapshot' ? await bundlesForSnapshot(info) : undefined;
    await makeExecutable({
      program: (bundles?.program ?? (await bundle(info))).text,
      form,
      assets: {
        ...byAsset('path'),
        ...written(LICENSES, await licensesText()),
        ...(bundles && written(TOOLS, bundles.tools.text)),
        ...Object.fromEntries(ASSETS.map((name) => [name, assetPath(name)])),
        ...UI_FILES,
        ...writtenAll(await uiScripts()),
      },
      output,
    });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
