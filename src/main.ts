#!/usr/bin/env node
/** The command line: which subcommands there are and what they take. */
import { Command, CommanderError, Option } from 'commander';
import packageJson from '../package.json' with { type: 'json' };
import { addVariables, environmentWith } from './cli/options.ts';
import { serve } from './cli/serve.ts';
import { type WarmupOptions, warmup } from './cli/warmup.ts';
import { ConfigError, EXIT_CONFIG } from './config.ts';
import { FORMATS } from './warmup/source.ts';

const program = new Command('ratecache')
  .description(packageJson.description)
  .version(packageJson.version)
  .exitOverride();

addVariables(program.command('serve'))
  .description('serve the cache over HTTP; every flag is also an environment variable')
  .action((flags) => serve(environmentWith(flags), packageJson.version));

addVariables(program.command('warmup'))
  .description('load a file of values into the cache')
  .argument('<file>', 'the file, plain or gzipped')
  .addOption(new Option('--format <format>', 'what the file holds').choices(FORMATS).default('auto'))
  .option('--url <url>', 'the service to load it through', 'http://127.0.0.1:8000')
  .option('--direct', 'write straight into the Redis of the configuration instead')
  .option('--json', 'print the summary as JSON')
  .option('--quiet', 'show no progress')
  .action((file: string, options: WarmupOptions & Record<string, unknown>) =>
    warmup(file, options, environmentWith(options)),
  );

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode;
  else if (error instanceof ConfigError) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = EXIT_CONFIG;
  } else {
    process.stderr.write(`ratecache: ${(error as Error).message}\n`);
    process.exitCode = 1;
  }
}
