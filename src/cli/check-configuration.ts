/** `ratecache serve --check`: checks a configuration, and compares it with that of the running service. */
import {
  type Change,
  type Comparison,
  type ConfigurationBody,
  compareConfigurations,
} from '../config/compare.ts';
import type { VariableName } from '../config/config.ts';
import { reportVariables } from '../config/report.ts';
import type { Settings } from '../config/settings.ts';
import { checkFiles } from '../service/check-files.ts';
import { property } from '../service-answer.ts';
import { callService, ownUrl, unexpected } from './call-service.ts';
import { Failure } from './exits.ts';
import { printable, shortened } from './printable.ts';
import { serviceToken } from './service-token.ts';

const PATH = '/v1/configuration';
const MOST_CHARACTERS = 60;
/** The variables of files that the service loads again when they change, and at SIGHUP. */
const LOADED_AGAIN: readonly VariableName[] = [
  'AUTH_TOKENS_FILE',
  'AUTH_JWKS_FILE',
  'TLS_CERT_FILE',
  'TLS_KEY_FILE',
  'TLS_CA_FILE',
];

export interface CheckFlags {
  /** Without it, the service at HOST and PORT of the configuration is asked, if one runs there. */
  readonly url?: string;
  readonly tokenFile?: string;
  readonly timeout: number;
  readonly json?: boolean;
}

/** The running service, or why it could not be asked. */
type Running =
  | (Comparison & Pick<ConfigurationBody, 'version' | 'processes'> & { readonly url: string })
  | { readonly error: string };

/** @returns the exit code */
export async function checkConfiguration(
  settings: Settings,
  aboutVariables: readonly string[],
  flags: CheckFlags,
): Promise<number> {
  const token = serviceToken(flags.tokenFile);
  const { facts, warnings: aboutFiles } = await checkFiles(settings.config);
  const warnings = [...aboutVariables, ...aboutFiles];
  let exitCode = 0;
  const running = await compared(settings, flags, token).catch((error: Error): Running => {
    if (!(error instanceof Failure)) throw error;
    if (flags.url !== undefined) exitCode = error.exitCode;
    return { error: error.message };
  });
  const files = LOADED_AGAIN.filter((name) => settings.env[name]);
  const text = flags.json
    ? JSON.stringify({ valid: true, facts, warnings, files_loaded_again: files, service: running })
    : [
        ...facts,
        ...warnings.map((each) => `Warning: ${each}`),
        'The configuration is valid.',
        ...('error' in running
          ? [`It was not compared with a running service: ${printable(running.error)}`]
          : comparisonLines(running, files)),
      ].join('\n');
  process.stdout.write(`${text}\n`);
  return exitCode;
}

async function compared(settings: Settings, flags: CheckFlags, token: string | undefined): Promise<Running> {
  if (flags.url === undefined && settings.config.http.port === 0)
    return { error: 'PORT is 0, which selects a free port; name the service with --url' };
  const url = flags.url ?? ownUrl(settings.env);
  const answer = await callService(url, { path: PATH, timeoutMs: flags.timeout, token });
  if (answer.status !== 200 || !isConfiguration(answer.body)) throw unexpected(`${url}${PATH}`, answer);
  const { version, processes } = answer.body;
  const comparison = compareConfigurations(answer.body, reportVariables(settings));
  return { url, version, ...(processes && { processes }), ...comparison };
}

/** Checks only the members that this file reads. */
function isConfiguration(body: unknown): body is ConfigurationBody {
  return typeof property(body, 'version') === 'string' && typeof property(body, 'variables') === 'object';
}

function comparisonLines(
  { url, version, processes, changes, not_compared: hidden }: Exclude<Running, { error: string }>,
  files: readonly string[],
): string[] {
  const applied = changes.filter(({ applied_by: by }) => by === 'SIGHUP');
  const restart = changes.filter(({ applied_by: by }) => by === 'restart');
  return [
    `The running service at ${url} (version ${printable(version)})`,
    ...(processes !== undefined && processes.behind > 0
      ? [`  ${processes.behind} of its ${processes.count} processes still have an older configuration`]
      : []),
    ...(changes.length === 0 ? ['  nothing would change'] : []),
    ...(applied.length > 0 ? ['  SIGHUP applies:', ...applied.map(changeLine)] : []),
    ...(restart.length > 0 ? ['  a restart is needed for:', ...restart.map(changeLine)] : []),
    ...(hidden.length > 0 ? [`  not compared, because they are secret: ${hidden.join(', ')}`] : []),
    ...(files.length > 0 ? [`  files that it loads again when they change: ${files.join(', ')}`] : []),
  ];
}

function changeLine({ variable, present, next, reason }: Change): string {
  const why = reason === undefined ? '' : ` (${reason})`;
  return `    ${printable(variable)}: ${shown(present)} -> ${shown(next)}${why}`;
}

function shown(value: Change['present']): string {
  if (value === null) return 'unset';
  return value === '' ? 'empty' : shortened(printable(String(value)), MOST_CHARACTERS);
}
