import type { Command } from 'commander';
import packageJson from '../../../package.json' with { type: 'json' };
import type { CheckFlags } from '../check-configuration.ts';
import type { Subcommand } from '../subcommand.ts';

type Flags = CheckFlags & { readonly check?: true } & Readonly<Record<string, unknown>>;

/** How long `--check` waits for the running service by default, in ms. */
const TIMEOUT_MS = 2000;
const OF_CHECK: readonly string[] = ['--url', '--token-file', '--timeout', '--json'];

export const serve: Subcommand = {
  name: 'serve',
  summary: 'serve the cache over HTTP and WebSocket',
  group: 'Service:',
  exits: {
    0: 'stopped by a signal, or with --check: the configuration is valid, whether or not a service runs',
    1: 'the service could not start, a second signal interrupted its shutdown, or the service of --url answered with an error',
    2: 'with --check and --url: the service is unreachable',
    73: 'the single binary could not unpack its native part into any directory',
    74: 'the help could not be written; a log that cannot be written does not end the service',
    78: 'the configuration is invalid',
  },
  async define(command) {
    const { Option } = await import('commander');
    const [{ addVariables, environmentWith, givenVariables }, { httpUrl, tokenFileOption, whole }] =
      await Promise.all([import('../options.ts'), import('../flags.ts')]);
    command
      .option(
        '--check',
        'check the configuration and the files of TLS and access, print the result and what would change in the running service, and exit',
      )
      .addOption(
        new Option('--url <url>', 'with --check: URL of the running service')
          .argParser(httpUrl)
          .default(undefined, 'HOST and PORT of the configuration'),
      )
      .addOption(tokenFileOption())
      .addOption(
        new Option('--timeout <ms>', 'with --check: how long to wait for an answer, in milliseconds')
          .argParser(whole(1, 3_600_000))
          .default(TIMEOUT_MS),
      )
      .option('--json', 'with --check: print the result as JSON');
    addVariables(command).action(async (flags: Flags, self: Command) => {
      const [{ loadConfig }, { withEnvFile }, { refuseIdleVariables }, { refuseIdle }] = await Promise.all([
        import('../../config/config.ts'),
        import('../../config/env-file.ts'),
        import('../idle-variables.ts'),
        import('../idle-flags.ts'),
      ]);
      if (flags.check !== true) refuseIdle(self, 'without --check', OF_CHECK);
      const read = () => {
        const given = environmentWith(flags);
        const env = withEnvFile(given);
        return { given, env, ...loadConfig(env, { standalone: false }) };
      };
      const settings = read();
      const { config, warnings } = settings;
      refuseIdleVariables(config, givenVariables(flags));
      if (flags.check === true) {
        const { checkConfiguration } = await import('../check-configuration.ts');
        process.exitCode = await checkConfiguration(settings, warnings, flags);
        return;
      }
      const { version } = packageJson;
      const count = await processCount(config.processes);
      if (count === 1) {
        const { serve } = await import('../../service/serve.ts');
        return serve(config, warnings, version, undefined, { settings, read });
      }
      const [{ supervise }, { self: invoke }] = await Promise.all([
        import('../../service/supervisor/supervise.ts'),
        import('../self.ts'),
      ]);
      const invocation = (n: number) => invoke('serve-process', String(n));
      await supervise({ count, warnings, version, settings, invocation, read });
    });
  },
};

async function processCount(processes: number | 'auto'): Promise<number> {
  if (processes !== 'auto') return processes;
  const { wholeCores } = await import('../../service/supervisor/count.ts');
  return wholeCores();
}
