/**
 * Writes the reference part of `docs/cli.md` from the subcommands. With `--check` it writes nothing, and exits 1 if
 * the page differs from what it would write.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { blocksOf, markdownTable, withMarked } from '../loadtest/report/document.ts';
import { defineAll, LazyCommand } from '../src/cli/lazy-command.ts';
import { VariableOption } from '../src/cli/options.ts';
import { createProgram } from '../src/cli/program.ts';
import { VARIABLE_NAMES } from '../src/config/config.ts';

const PAGE = new URL('../docs/cli.md', import.meta.url);

const page = readFileSync(PAGE, 'utf8');
const sections = (await subcommands()).map(section);
const written = withMarked(page, 'reference', sections.join('\n'));
if (!process.argv.includes('--check')) writeFileSync(PAGE, written);
else if (written !== page) {
  console.error('docs/cli.md differs from the subcommands. Run: node scripts/cli-reference.ts');
  process.exitCode = 1;
}

/** The subcommands that users call. */
async function subcommands(): Promise<LazyCommand[]> {
  const program = createProgram();
  await defineAll(program);
  const all = program.commands.filter((each) => each instanceof LazyCommand);
  return all.filter(({ subcommand }) => subcommand.group !== undefined);
}

function section(command: LazyCommand): string {
  const help = command.createHelp();
  const variables = command.options.filter((option) => option instanceof VariableOption);
  const all = variables.length === VARIABLE_NAMES.length;
  const own = command.options.filter((option) => !(all && option instanceof VariableOption));
  const rows = [
    ...help
      .visibleArguments(command)
      .map((each) => [help.argumentTerm(each), help.argumentDescription(each)]),
    ...own.map((each) => [help.optionTerm(each), help.optionDescription(each)]),
  ].map(([term, meaning]) => [`\`${term}\``, meaning!]);
  if (all) rows.push(['a flag for every variable', 'see [configuration.md](configuration.md)']);
  const { summary } = command.subcommand;
  return blocksOf([
    `### ratecache ${command.name()}`,
    `${summary[0]!.toUpperCase()}${summary.slice(1)}.`,
    `\`ratecache ${command.name()} ${command.usage()}\``,
    ...(rows.length > 0 ? [markdownTable(['Argument or flag', 'Meaning'], rows)] : []),
    markdownTable(['Exit code', 'Meaning'], command.exits),
  ]);
}
