/**
 * Writes the ConfigMap of `deploy/kubernetes/base` from the table of variables: every variable except secrets, with its
 * default or the value that a pod needs. With `--check` it writes nothing, and exits 1 if the file differs from what it
 * would write.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { Document, type Pair, type Scalar, type YAMLMap } from 'yaml';
import { helpOf, VARIABLE_NAMES, VARIABLES, type VariableName } from '../src/config/config.ts';
import type { Variable } from '../src/config/kinds.ts';

/** Values that differ from the default in a pod, and the reason. */
const IN_A_POD: Partial<Record<VariableName, readonly [value: string, why: string]>> = {
  HOST: ['0.0.0.0', "A pod's own address is not known before it runs."],
  AUTH_TOKENS_FILE: [
    '/etc/ratecache/tokens/tokens.json',
    'The Secret cache-service-tokens contains it, with the hashes of the tokens.',
  ],
  OPS_PORT: ['8001', 'Apart from values, so that a NetworkPolicy can separate Prometheus from clients.'],
  SHUTDOWN_GRACE_MS: ['5000', 'A Service takes some seconds to stop sending to a pod that is stopping.'],
  REDIS_HOST: ['redis', 'The Service of the Redis in this namespace; each overlay has its own.'],
  REDIS_PORT: ['6379', 'As above.'],
};

const FILE = new URL('../deploy/kubernetes/base/configmap.yaml', import.meta.url);
const text = configMap();

if (!process.argv.includes('--check')) writeFileSync(FILE, text);
else if (readFileSync(FILE, 'utf8') !== text) {
  console.error(
    'the ConfigMap differs from the table of variables. Run: node scripts/kubernetes-configmap.ts',
  );
  process.exitCode = 1;
}

function configMap(): string {
  const names = VARIABLE_NAMES.filter((name) => !VARIABLES[name].secret);
  const document = new Document({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'cache-service-config' },
    data: Object.fromEntries(names.map((name) => [name, podValue(name)])),
  });
  document.commentBefore =
    ' Every variable except the passwords, which are in the Secret cache-service-redis. An empty variable counts as unset.\n' +
    ' scripts/kubernetes-configmap.ts writes this file from src/config/variables.ts; overlays patch single values.';
  const data = document.get('data') as YAMLMap<Scalar<string>, Scalar<string>>;
  data.items.forEach(comment);
  return document.toString({ lineWidth: 0 });
}

function podValue(name: VariableName): string {
  const variable: Variable<unknown> = VARIABLES[name];
  return IN_A_POD[name]?.[0] ?? String(variable.default ?? '');
}

function comment({ key }: Pair<Scalar<string>, Scalar<string>>): void {
  const name = key.value as VariableName;
  const why = IN_A_POD[name]?.[1];
  key.commentBefore = [helpOf(name), ...(why === undefined ? [] : [why])]
    .map((line) => ` ${line}`)
    .join('\n');
}
