/** Renders the table of variables as flags, help lines, `.env.example` and `docs/configuration.md`. */
import { GROUPS, type Group, type Variable } from './kinds.ts';
import { VARIABLE_NAMES, VARIABLES, type VariableName } from './variables.ts';

/** The command line flag of a variable: `--redis-host` for `REDIS_HOST`. */
export function flagOf(name: VariableName): string {
  return `--${name.toLowerCase().replaceAll('_', '-')}`;
}

/** One line of help: the documentation of the variable, then unit, choices, default and whether it is required. */
export function helpOf(name: VariableName): string {
  const variable: Variable<unknown> & { of?: readonly string[] } = VARIABLES[name];
  const facts = [
    variable.unit,
    variable.of && `one of ${variable.of.join(', ')}`,
    variable.note,
    requirementOf(variable),
    variable.default !== undefined && `default ${variable.default}`,
  ].filter(Boolean);
  return facts.length === 0 ? variable.doc : `${variable.doc} (${facts.join('; ')})`;
}

/** The text of `.env.example`: every variable, commented out, with its default, unit and documentation. */
export function envExample(): string {
  const sections = eachGroup((title, names) => {
    const rows = names.map((name) => `# ${helpOf(name)}\n#${name}=${defaultOf(name)}\n`);
    return `## ${title}\n\n${rows.join('\n')}`;
  });
  const intro = [
    '# Every variable with its default. Uncomment the variables that you change.',
    '# Written from src/config/variables.ts by scripts/env-example.ts.',
  ];
  return `${intro.join('\n')}\n\n${sections.join('\n')}`;
}

/** The text of `docs/configuration.md`. */
export function configurationPage(): string {
  const sections = eachGroup((title, names) => {
    const rows = names.map((name) => {
      const variable: Variable<unknown> & { within?: readonly number[]; of?: readonly string[] } =
        VARIABLES[name];
      const initial = defaultOf(name);
      const cells = [
        `\`${name}\``,
        requirementOf(variable) ?? (initial === '' ? 'unset' : `\`${initial}\``),
        variable.unit ?? '',
        variable.within?.join(' to ') ?? variable.of?.join(', ') ?? '',
        variable.note ? `${variable.doc.replace(/\.$/, '')}; ${variable.note}.` : variable.doc,
      ];
      return `| ${cells.join(' | ')} |\n`;
    });
    return `## ${title}\n\n| Variable | Default | Unit | Allowed | Meaning |\n|---|---|---|---|---|\n${rows.join('')}`;
  });
  return `${PAGE_INTRO}\n${sections.join('\n')}`;
}

const PAGE_INTRO = `# Configuration

<!-- Written from src/config/variables.ts by scripts/env-example.ts. -->

Environment variables configure the service. Each variable has a flag that overrides it: \`--redis-host\` overrides
\`REDIS_HOST\`. [.env.example](../.env.example) contains all variables, ready to copy.

- Whole numbers consist of decimal digits only. \`300s\` and \`1e3\` are errors.
- Booleans are \`true\`/\`false\`, \`yes\`/\`no\`, \`on\`/\`off\` or \`1\`/\`0\`, in upper or lower case.
- An empty variable counts as unset. The exception is \`REDIS_PASSWORD\`: empty means that the server has no password.
- Exactly one of \`REDIS_HOST\` with \`REDIS_PORT\`, \`REDIS_SENTINELS\` and \`REDIS_CLUSTER_NODES\` is set.
- The service reports all errors at once: the variable, its value, and what was expected. It then exits with code 78
  and does not listen. Secrets are never shown.
- The service warns about an unknown variable whose name is close to a known one: \`REDIS_HOTS\`: did you mean
  \`REDIS_HOST\`? It also warns about any other unknown \`REDIS_*\`, except those that Kubernetes sets for a Service.
- \`ratecache serve --check\` checks the configuration and the files of TLS and access, and exits with 0 or 78. It also
  shows [what would change](cli.md#the-service) in the running service, and whether SIGHUP applies it.

## Reload

Tokens, keys, certificates and password files are loaded again when they change. SIGHUP also reads the file of
\`ENV_FILE\` again. The environment and the flags of a process cannot change. A service of one process applies these
variables, and logs the names of all others that have changed: they need a restart. SIGHUP also
logs the warnings about the configuration. With \`PROCESSES\`, SIGHUP
[replaces the processes](deployment/processes.md#sighup) instead. A SIGHUP during the start of a service of one process
is handled as soon as the service can. Node ends a process that receives it in its first 0.1 seconds: wait for
\`listening\` in the log, or for \`/livez\`.

- \`LOG_LEVEL\`, \`SLOW_REQUEST_MS\`, \`ACCESS_LOG\`
- The TTL by type, for values that are written from then on. \`LOCAL_CACHE_TTL\`, for what L1 stores from then on.
- \`MAX_BATCH_KEYS\`, \`MAX_BODY_BYTES\`, \`MAX_BUFFERED_BODY_BYTES\`, \`MAX_ANSWER_BYTES\`, \`MAX_INVALIDATION_KEYS\`
- \`MAX_CONNECTIONS\`, \`MAX_ADDRESS_REQUESTS_PER_SECOND\`, \`MAX_ADDRESS_BYTES_PER_SECOND\`. Connections that exist stay.
- \`WS_*\`, except \`WS_MAX_FRAME_BYTES\` and \`WS_IDLE_TIMEOUT_SECONDS\`. Sockets and subscriptions that exist stay.
`;

function eachGroup(section: (title: string, names: VariableName[]) => string): string[] {
  return (Object.keys(GROUPS) as Group[]).map((group) =>
    section(
      GROUPS[group],
      VARIABLE_NAMES.filter((name) => VARIABLES[name].group === group),
    ),
  );
}

function requirementOf({ required, replacedBy = [] }: Variable<unknown>): string | undefined {
  if (required === undefined) return undefined;
  return [`required ${required}`, ...replacedBy.map((name) => `with ${name}`)].join(' or ');
}

function defaultOf(name: VariableName): string {
  const variable: Variable<unknown> = VARIABLES[name];
  return variable.default === undefined ? '' : String(variable.default);
}
