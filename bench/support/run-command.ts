import { type Command, CommanderError } from 'commander';

/** Does what the command line says. Exit code 2 where that fails, since 1 is for figures that are not good enough. */
export async function runCommand(command: Command, name: string): Promise<void> {
  try {
    await command.exitOverride().parseAsync();
  } catch (error) {
    // Commander has said what is wrong, or shown the help that was asked for.
    const told = error instanceof CommanderError;
    if (told && error.exitCode === 0) return;
    if (!told) console.error(`\n${name} failed: ${(error as Error).message}`);
    process.exitCode = 2;
  }
}
