import type { Subcommand } from '../subcommand.ts';
import type { TokenFlags } from '../token.ts';

export const token: Subcommand = {
  name: 'token',
  summary: 'create a token for clients of the service, list a file of tokens, or hash a token',
  group: 'Operation:',
  exits: {
    0: 'done',
    1: 'the file is invalid, or cannot be read or written; or standard input contains no token',
  },
  async define(command) {
    const { Argument, Option } = await import('commander');
    const { SCOPES } = await import('../../access/principal.ts');
    const { ACTIONS, DEFAULT_EXPIRY, prefixOf, refuseIdle, scopeOf, timeOf, tokenNameOf } = await import(
      '../token-flags.ts'
    );
    command
      .addArgument(new Argument('<action>', 'what to do').choices([...ACTIONS.keys()]))
      .addOption(
        new Option('--name <name>', 'new: name of the client, for the audit log').argParser(tokenNameOf),
      )
      .addOption(
        new Option('--scope <scope>', 'new: what the client may do; repeatable')
          .choices(SCOPES)
          .argParser(scopeOf),
      )
      .addOption(
        new Option(
          '--prefix <prefix>',
          'new: prefix of the keys that the client may use, such as borrow_rate:; repeatable; every key without it',
        ).argParser(prefixOf),
      )
      .addOption(
        new Option('--expires <when>', `new: 90d, 12h, a time such as 2027-01-01T00:00:00Z, or never`)
          .argParser(timeOf)
          .default(timeOf(DEFAULT_EXPIRY), DEFAULT_EXPIRY),
      )
      .option('--file <file>', 'new: the tokens file to add the hash to; list: the tokens file to read')
      .option('--json', 'list: print the entries as JSON, without hashes')
      .addHelpText(
        'after',
        [
          '',
          'Actions:',
          '  new    prints a new token once, and adds its hash to --file; without --file it prints the entry',
          '  list   prints names, scopes, prefixes and expiry of the entries of --file',
          '  hash   reads a token from standard input, and prints its SHA-256',
        ].join('\n'),
      )
      .action(async (action: string, flags: TokenFlags) => {
        refuseIdle(action, command);
        const { runToken } = await import('../token.ts');
        await runToken(action, flags);
      });
  },
};
