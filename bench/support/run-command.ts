import type { Command } from 'commander';

/** Does what the command line says. Exit code 2 where that fails, since 1 is for figures that are not good enough. */
export async function runCommand(command: Command, name: string): Promise<void> {
  try {
    await command.parseAsync();
  } catch (error) {
    console.error(`\n${name} failed: ${(error as Error).message}`);
    process.exitCode = 2;
  }
}
