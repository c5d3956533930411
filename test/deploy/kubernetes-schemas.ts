/**
 * Checks manifests against the schemas of Kubernetes twice: by the validators of kubernetes-models, which know
 * formats and bounds, and by TypeScript against its types, which knows what fields there are.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Manifest } from './rendered.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** `apps/v1` of the core packages is `kubernetes-models/apps/v1`; of the operator it is its own package. */
function packageOf({ apiVersion }: Manifest): string {
  return apiVersion.startsWith('monitoring.coreos.com/')
    ? `@kubernetes-models/prometheus-operator/${apiVersion}`
    : `kubernetes-models/${apiVersion}`;
}

/** @throws what the validator of its kind says of the object */
export async function validate(manifest: Manifest): Promise<void> {
  const models = await import(packageOf(manifest));
  const Model = models[manifest.kind];
  if (Model === undefined) throw new Error(`${manifest.apiVersion} has no kind ${manifest.kind}`);
  new Model(manifest).validate();
}

/**
 * Fields that the types do not have, and whatever else the compiler says of these objects; '' for nothing. An
 * object literal may have no field that its type lacks, at any depth.
 */
export async function typeErrors(manifests: readonly Manifest[]): Promise<string> {
  const literals = manifests.map(
    (manifest, i) => `import type { I${manifest.kind} as Type${i} } from '${packageOf(manifest)}';
export const object${i}: Type${i} = ${JSON.stringify(manifest, null, 2)};\n`,
  );
  // Next to node_modules, where the compiler looks for the packages.
  const directory = await mkdtemp(join(ROOT, 'node_modules/.manifests-'));
  const file = join(directory, 'manifests.ts');
  try {
    await writeFile(file, literals.join(''));
    const options = ['--noEmit', '--strict', '--skipLibCheck', '--ignoreConfig', '--types', ''];
    const modules = ['--module', 'esnext', '--moduleResolution', 'bundler'];
    await promisify(execFile)('node_modules/.bin/tsc', [...options, ...modules, file], { cwd: ROOT });
    return '';
  } catch (error) {
    return (error as { stdout?: string }).stdout || String(error);
  } finally {
    await rm(directory, { recursive: true });
  }
}
