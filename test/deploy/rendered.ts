/** The manifests as kustomize makes them, and what pods would find in their environment. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { loadConfig } from '../../src/config/config.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

// biome-ignore lint/suspicious/noExplicitAny: what a test looks into, it asserts; the schemas are checked besides
export type Manifest = Record<string, any>;

export const OVERLAYS = [
  'overlays/dev',
  'overlays/production',
  'overlays/sentinel',
  'overlays/cluster',
  'overlays/elasticache',
] as const;
export type Directory = 'base' | (typeof OVERLAYS)[number];

/** What `kubectl apply -k` would send. */
export async function render(directory: Directory): Promise<Manifest[]> {
  const line = ['kustomize', `deploy/kubernetes/${directory}`];
  const { stdout } = await promisify(execFile)('scripts/kubectl.sh', line, { cwd: ROOT });
  return manifestsIn(stdout);
}

function manifestsIn(text: string): Manifest[] {
  const manifests = parseAllDocuments(text).map((document): Manifest => document.toJS());
  // kustomize breaks long base64 into lines, which Kubernetes ignores and the schemas refuse.
  for (const { kind, data } of manifests)
    if (kind === 'Secret') for (const key of Object.keys(data)) data[key] = data[key].replaceAll('\n', '');
  return manifests;
}

/** The base with the component that accepts service-account tokens. */
export async function withServiceAccounts(): Promise<Manifest[]> {
  // kustomize reads components only by relative paths.
  const directory = await mkdtemp(join(ROOT, 'deploy/kubernetes/overlays/test-'));
  try {
    const lines = ['resources: [../../base]', 'components: [../../components/service-accounts]'];
    await writeFile(join(directory, 'kustomization.yaml'), `${lines.join('\n')}\n`);
    const { stdout } = await promisify(execFile)('scripts/kubectl.sh', ['kustomize', directory], {
      cwd: ROOT,
    });
    return manifestsIn(stdout);
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** The base and every overlay, by directory. */
export async function renderAll(): Promise<(directory: Directory) => Manifest[]> {
  const directories: Directory[] = ['base', ...OVERLAYS];
  const manifests = await Promise.all(directories.map(render));
  return (directory) => manifests[directories.indexOf(directory)]!;
}

/** The one object of this kind and name. */
export function find(manifests: readonly Manifest[], kind: string, name = 'cache-service'): Manifest {
  const [found, ...more] = manifests.filter((m) => m.kind === kind && m.metadata.name === name);
  if (found === undefined || more.length > 0) throw new Error(`not one ${kind} ${name}`);
  return found;
}

/** The one container of a Deployment. */
export function containerOf(deployment: Manifest): Manifest {
  return deployment.spec.template.spec.containers[0];
}

/** The environment of a replica. `password` stands for a Secret that is not among the manifests. */
export function environmentOf(manifests: readonly Manifest[], password: string): Record<string, string> {
  const container = containerOf(find(manifests, 'Deployment'));
  const env: Record<string, string> = {};
  for (const { configMapRef } of container.envFrom)
    Object.assign(env, find(manifests, 'ConfigMap', configMapRef.name).data);
  for (const { name, value, valueFrom } of container.env) {
    env[name] = valueFrom === undefined ? value : (secretOf(manifests, valueFrom.secretKeyRef) ?? password);
  }
  return env;
}

/** The configuration of a replica. */
export function configOf(manifests: readonly Manifest[]): ReturnType<typeof loadConfig> {
  return loadConfig(environmentOf(manifests, 'hunter2'), { standalone: false });
}

function secretOf(manifests: readonly Manifest[], { name, key }: Manifest): string | undefined {
  const secret = manifests.find((m) => m.kind === 'Secret' && m.metadata.name === name);
  return secret && Buffer.from(secret.data[key], 'base64').toString();
}

/** `512Mi` in bytes, `500m` in cores. */
export function quantity(text: string): number {
  const [, digits, suffix] = /^(\d+)(m|Mi|Gi)?$/.exec(text) ?? [];
  if (digits === undefined) throw new Error(`not a quantity: ${text}`);
  return Number(digits) * { m: 1 / 1000, Mi: 2 ** 20, Gi: 2 ** 30, '': 1 }[suffix ?? '']!;
}
