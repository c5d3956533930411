import type { Subcommand } from '../subcommand.ts';

export const completion: Subcommand = {
  name: 'completion',
  summary: 'print the completion script of a shell, for commands, flags and values',
  group: 'About:',
  exits: { 0: 'printed' },
  async define(command) {
    const { Argument } = await import('commander');
    const { SCRIPTS } = await import('../completion-scripts.ts');
    command
      .addArgument(new Argument('<shell>', 'the shell').choices([...SCRIPTS.keys()]))
      .addHelpText(
        'after',
        [
          '',
          'Add this line to the start-up file of the shell:',
          '  bash  source <(ratecache completion bash)',
          '  zsh   source <(ratecache completion zsh)      after compinit',
          '  fish  ratecache completion fish | source',
        ].join('\n'),
      )
      .action((shell: string) => {
        process.stdout.write(SCRIPTS.get(shell)!);
      });
  },
};
