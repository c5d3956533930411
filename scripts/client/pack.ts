import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import root from '../../package.json' with { type: 'json' };
import { bundles } from './bundles.ts';
import { licensesOf } from './licenses.ts';
import { declarations } from './types.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

const manifest = {
  name: 'ratecache-client',
  version: root.version,
  description: 'Client of the ratecache service, with a near cache that the service keeps current',
  license: root.license,
  type: 'module',
  engines: { node: '>=20' },
  sideEffects: false,
  exports: {
    '.': {
      types: './types/node.d.ts',
      node: { import: './node.js', require: './node.cjs' },
      default: './browser.js',
    },
    './msgpack': { types: './types/msgpack.d.ts', require: './msgpack.cjs', default: './msgpack.js' },
  },
};

/** Builds the package, and packs it into a directory. @returns the path of the tarball */
export async function packClient(directory: URL): Promise<string> {
  const into = fileURLToPath(directory);
  mkdirSync(into, { recursive: true });
  const work = mkdtempSync(join(tmpdir(), 'ratecache-client-'));
  try {
    const { files, packages } = await bundles();
    for (const [name, text] of [...files, ...(await declarations(work))]) {
      mkdirSync(join(work, name, '..'), { recursive: true });
      writeFileSync(join(work, name), text);
    }
    writeFileSync(join(work, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
    writeFileSync(join(work, 'README.md'), readFileSync(join(ROOT, 'docs/clients.md')));
    writeFileSync(join(work, 'LICENSE'), readFileSync(join(ROOT, 'LICENSE')));
    writeFileSync(join(work, 'THIRD-PARTY-LICENSES.txt'), licensesOf(packages));
    const { stdout } = await promisify(execFile)('npm', ['pack', '--json', '--pack-destination', into], {
      cwd: work,
    });
    const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
    return join(into, filename);
  } finally {
    rmSync(work, { recursive: true });
  }
}
