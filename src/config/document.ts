/** The table as text: flags and help lines, `.env.example`, `docs/configuration.md`. */
import { GROUPS, type Group, type Variable } from './kinds.ts';
import { VARIABLE_NAMES, VARIABLES, type VariableName } from './variables.ts';

/** The command line flag of a variable: `REDIS_HOST` is `--redis-host`. */
export function flagOf(name: VariableName): string {
  return `--${name.toLowerCase().replaceAll('_', '-')}`;
}

/** One line of help: the variable's sentence, then unit, choices, default and when it is required. */
export function helpOf(name: VariableName): string {
  const variable: Variable<unknown> & { of?: readonly string[] } = VARIABLES[name];
  const facts = [
    variable.unit,
    variable.of && `one of ${variable.of.join(', ')}`,
    variable.note,
    variable.required && `required ${variable.required}`,
    variable.default !== undefined && `default ${variable.default}`,
  ].filter(Boolean);
  return facts.length === 0 ? variable.doc : `${variable.doc} (${facts.join('; ')})`;
}

/** The text of `.env.example`: every variable, commented out, with its default, unit and sentence. */
export function envExample(): string {
  const sections = eachGroup((title, names) => {
    const rows = names.map((name) => `# ${helpOf(name)}\n#${name}=${defaultOf(name)}\n`);
    return `## ${title}\n\n${rows.join('\n')}`;
  });
  const intro = [
    '# Every variable with its default; uncomment what you change.',
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
        variable.required ? `required ${variable.required}` : initial === '' ? 'unset' : `\`${initial}\``,
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

The environment configures the service. A flag of the same name overrides a variable: \`REDIS_HOST\` is
\`--redis-host\`. \`.env.example\` lists the variables in a form to copy.

- Whole numbers are plain decimal digits: \`300s\` and \`1e3\` are faults, never cut short.
- Booleans are \`true\`/\`false\`, \`yes\`/\`no\`, \`on\`/\`off\` or \`1\`/\`0\`, in any case.
- A variable set to the empty string counts as unset, except \`REDIS_PASSWORD\`, where it says that there is none.
- Every fault is reported at once, with the variable, what it held and what was expected; the service then
  exits with code 78 and has not listened. Secrets are never shown.
- An unknown variable whose name is close to one of these is warned of: \`REDIS_HOTS\`: did you mean \`REDIS_HOST\`?
  So is any other unknown \`REDIS_*\`, except those that Kubernetes sets for a Service.
`;

function eachGroup(section: (title: string, names: VariableName[]) => string): string[] {
  return (Object.keys(GROUPS) as Group[]).map((group) =>
    section(
      GROUPS[group],
      VARIABLE_NAMES.filter((name) => VARIABLES[name].group === group),
    ),
  );
}

function defaultOf(name: VariableName): string {
  const variable: Variable<unknown> = VARIABLES[name];
  return variable.default === undefined ? '' : String(variable.default);
}
