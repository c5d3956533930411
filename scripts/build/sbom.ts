/** The bill of materials: every package that the program needs, and the native parts. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { NATIVE_PARTS, type NativePart } from './native-parts.ts';
import { ROOT } from './paths.ts';

const CYCLONEDX = `${ROOT}node_modules/.bin/cyclonedx-npm`;
const OMITTED = ['dev', 'peer', 'optional'].flatMap((type) => ['--omit', type]);

interface Bom {
  readonly components: readonly object[];
}

/** The bill of materials as CycloneDX JSON. */
export async function sbomText(): Promise<string> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [CYCLONEDX, ...OMITTED, '--output-reproducible', '--flatten-components', 'package.json'],
    { cwd: ROOT, maxBuffer: 64 * 1024 * 1024 },
  );
  const bom = JSON.parse(stdout) as Bom;
  const components = [...bom.components, ...NATIVE_PARTS.map(componentOf)];
  return `${JSON.stringify({ ...bom, components }, null, 2)}\n`;
}

function componentOf({ name, version, license, url }: NativePart): object {
  return {
    type: name === 'node' ? 'platform' : 'library',
    name,
    'bom-ref': `native:${name}`,
    ...(version === undefined ? {} : { version }),
    licenses: license.includes(' ') ? [{ expression: license }] : [{ license: { id: license } }],
    externalReferences: [{ type: 'website', url }],
  };
}
