/** Parses the environment into the values of the table, and collects all faults. */
import * as v from 'valibot';
import { parseRules, RuleFault } from '../cache/dependencies/rules.ts';
import type { Fault, ReportFault } from './fault.ts';
import type { Variable } from './kinds.ts';
import { isLoopback } from './patterns.ts';
import { checkRedis } from './redis-topology.ts';
import { VARIABLE_NAMES, VARIABLES, type Values, type VariableName } from './variables.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Longer values are truncated in messages. */
const SHOWN_CHARACTERS = 100;

/** The variables of OpenTelemetry but for the two that turn it on. */
const ONLY_WHEN_TRACING: ReadonlySet<VariableName> = new Set(
  VARIABLE_NAMES.filter(
    (name) =>
      VARIABLES[name].group === 'tracing' && name !== 'OTEL_TRACES_EXPORTER' && name !== 'OTEL_SDK_DISABLED',
  ),
);

function asksForTraces({ OTEL_TRACES_EXPORTER: exporter }: Environment): boolean {
  return exporter?.toLowerCase() === 'otlp';
}

/**
 * Parses every variable of the table. A variable that is unset has its default, and so has an empty one, except a
 * secret. When `standalone`, REDIS_* is ignored. Without traces, the variables of the exporter are ignored: they may be those of
 * another program in the same environment.
 *
 * @returns the values that could be parsed, and a fault for each of the others, in the order of the table
 */
export function parseVariables(
  env: Environment,
  standalone: boolean,
): { values: Partial<Values>; faults: Fault[] } {
  const values: Partial<Record<VariableName, unknown>> = {};
  const faults: Fault[] = [];
  for (const name of VARIABLE_NAMES) {
    if (standalone && name.startsWith('REDIS_')) continue;
    if (ONLY_WHEN_TRACING.has(name) && !asksForTraces(env)) continue;
    const variable: Variable<unknown> = VARIABLES[name];
    const raw = env[name];
    if (raw === undefined || (raw === '' && !variable.secret)) {
      const required = variable.required && !variable.replacedBy?.some((other) => env[other]);
      if (!required) values[name] = variable.default;
      else faults.push({ variable: name, actual: shown(name, env), expected: variable.expected });
      continue;
    }
    const result = v.safeParse(variable.schema, raw);
    if (result.success) values[name] = result.output;
    else
      faults.push({
        variable: name,
        actual: shown(name, env),
        expected: variable.expected + hint(name, raw),
      });
  }
  return { values: values as Partial<Values>, faults };
}

/** Finds faults of combinations of variables. Variables that could not be parsed are ignored. */
export function checkTogether(values: Partial<Values>, env: Environment, standalone: boolean): Fault[] {
  const faults: Fault[] = [];
  const fault: ReportFault = (variable, expected) => {
    faults.push({ variable, actual: shown(variable, env), expected });
  };
  const below = (name: VariableName, limit: VariableName): boolean => {
    const [value, least] = [values[name], values[limit]];
    return typeof value === 'number' && typeof least === 'number' && value < least;
  };

  if (standalone && values.ENABLE_LOCAL_CACHE === false) {
    fault('ENABLE_LOCAL_CACHE', 'true in standalone mode, where the local cache is the only tier');
  }
  if (standalone && values.PROCESSES !== undefined && values.PROCESSES !== '1') {
    fault('PROCESSES', '1 in standalone mode: without Redis, processes do not see the writes of each other');
  }
  const { HEARTBEAT_INTERVAL_MS: interval, HEARTBEAT_TIMEOUT_MS: timeout } = values;
  if (interval !== undefined && timeout !== undefined && timeout <= interval) {
    fault('HEARTBEAT_TIMEOUT_MS', `more than HEARTBEAT_INTERVAL_MS, which is ${interval}`);
  }
  for (const limit of ['MAX_BODY_BYTES', 'MAX_VALUE_BYTES'] as const) {
    if (below('MAX_BUFFERED_BODY_BYTES', limit)) {
      fault('MAX_BUFFERED_BODY_BYTES', `at least ${limit}, which is ${values[limit]}`);
    }
  }
  if (below('OTEL_BSP_MAX_QUEUE_SIZE', 'OTEL_BSP_MAX_EXPORT_BATCH_SIZE')) {
    fault('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', 'at most OTEL_BSP_MAX_QUEUE_SIZE');
  }
  checkTracing(values, fault);
  checkRules(values, fault);
  checkTls(values, fault);
  checkAccess(values, fault);
  if (!standalone) checkRedis(values, fault);
  return faults;
}

function checkRules({ DEPENDENCIES: rules }: Partial<Values>, fault: ReportFault): void {
  if (rules === undefined) return;
  try {
    parseRules(rules);
  } catch (error) {
    if (!(error instanceof RuleFault)) throw error;
    fault('DEPENDENCIES', error.message);
  }
}

function checkTracing(values: Partial<Values>, fault: ReportFault): void {
  const { OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: ofTraces, OTEL_EXPORTER_OTLP_PROTOCOL: ofAll } = values;
  const name = ofTraces === undefined ? 'OTEL_EXPORTER_OTLP_PROTOCOL' : 'OTEL_EXPORTER_OTLP_TRACES_PROTOCOL';
  if ((ofTraces ?? ofAll ?? 'http/protobuf') !== 'http/protobuf')
    fault(name, 'http/protobuf, which is what the exporter of traces speaks');
}

function checkTls(values: Partial<Values>, fault: ReportFault): void {
  // A value that is present and faulty is already reported.
  const unset = (name: VariableName) => name in values && values[name] === undefined;
  const { TLS_CERT_FILE: cert, TLS_KEY_FILE: key } = values;
  if (cert !== undefined && unset('TLS_KEY_FILE')) fault('TLS_KEY_FILE', 'a value with TLS_CERT_FILE');
  if (key !== undefined && unset('TLS_CERT_FILE')) fault('TLS_CERT_FILE', 'a value with TLS_KEY_FILE');
  if (!unset('TLS_CERT_FILE') || !unset('TLS_KEY_FILE')) return;
  for (const name of ['TLS_CA_FILE', 'TLS_CIPHERS'] as const)
    if (values[name] !== undefined) fault(name, 'no value without TLS_CERT_FILE and TLS_KEY_FILE');
}

function checkAccess(values: Partial<Values>, fault: ReportFault): void {
  const { AUTH_JWKS_FILE: file, AUTH_JWKS_URL: url } = values;
  if (file !== undefined && url !== undefined) {
    fault('AUTH_JWKS_URL', 'no value with AUTH_JWKS_FILE: the keys have one source');
  }
  if (file !== undefined || url !== undefined) {
    for (const name of ['AUTH_JWT_AUDIENCE', 'AUTH_JWT_ISSUER'] as const) {
      // A value that is present and faulty is already reported.
      if (name in values && values[name] === undefined) {
        fault(
          name,
          'a value with AUTH_JWKS_FILE or AUTH_JWKS_URL, because the issuer signs tokens for others too',
        );
      }
    }
  }
  const open = values.AUTH_TOKENS_FILE === undefined && file === undefined && url === undefined;
  if (open && values.HOST !== undefined && !isLoopback(values.HOST) && values.INSECURE_OPEN === false) {
    fault(
      'HOST',
      'a loopback address such as 127.0.0.1 without AUTH_TOKENS_FILE, AUTH_JWKS_FILE or AUTH_JWKS_URL; ' +
        'INSECURE_OPEN=true lets everyone who can connect read, write and delete',
    );
  }
  if (values.OPS_PORT !== undefined && values.OPS_PORT !== 0 && values.OPS_PORT === values.PORT) {
    fault('OPS_PORT', 'a port other than PORT');
  }
}

function shown(name: VariableName, env: Environment): string {
  const variable: Variable<unknown> = VARIABLES[name];
  const raw = env[name];
  if (raw === undefined || (raw === '' && !variable.secret)) {
    return variable.default === undefined ? '(not set)' : `(not set, default ${String(variable.default)})`;
  }
  if (variable.secret) return '(hidden)';
  // A URL in place of a host name may contain a password before its @.
  const text = raw.replace(/^.*@/s, '(hidden)@');
  return JSON.stringify(text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text);
}

function hint(name: VariableName, raw: string): string {
  if (!name.endsWith('_PORT') || !raw.startsWith('tcp://')) return '';
  return (
    '; Kubernetes sets this variable for a Service of that name: set the variable in the pod, ' +
    'or set enableServiceLinks: false'
  );
}
