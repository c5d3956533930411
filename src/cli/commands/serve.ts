import packageJson from '../../../package.json' with { type: 'json' };
import type { Subcommand } from '../subcommand.ts';

export const serve: Subcommand = {
  name: 'serve',
  summary: 'serve the cache over HTTP and WebSocket',
  group: 'Service:',
  exits: {
    0: 'stopped by a signal, or with --check: the configuration is valid',
    1: 'the service could not start, or a second signal interrupted its shutdown',
    73: 'the single binary could not unpack its native part into any directory',
    74: 'the help could not be written; a log that cannot be written does not end the service',
    78: 'the configuration is invalid',
  },
  async define(command) {
    const { addVariables, environmentWith, givenVariables } = await import('../options.ts');
    const check = 'check the configuration and the files of TLS and access, print the result, and exit';
    addVariables(command.option('--check', check)).action(async (flags) => {
      const [{ loadConfig }, { withEnvFile }, { refuseIdleVariables }, { serve }] = await Promise.all([
        import('../../config/config.ts'),
        import('../../config/env-file.ts'),
        import('../idle-variables.ts'),
        import('../../service/serve.ts'),
      ]);
      const read = () => {
        const env = withEnvFile(environmentWith(flags));
        return { env, ...loadConfig(env, { standalone: false }) };
      };
      const { env, config, warnings } = read();
      refuseIdleVariables(config, givenVariables(flags));
      if (flags.check === true) {
        const { checkFiles } = await import('../../service/check-files.ts');
        const facts = await checkFiles(config);
        for (const line of [...facts, ...warnings.map((each) => `Warning: ${each}`)]) console.log(line);
        return console.log('The configuration is valid.');
      }
      const { version } = packageJson;
      const count = await processCount(config.processes);
      if (count === 1)
        return serve(config, warnings, version, undefined, { settings: { env, config }, read });
      const [{ supervise }, { self }] = await Promise.all([
        import('../../service/supervisor/supervise.ts'),
        import('../self.ts'),
      ]);
      const invocation = (n: number) => self('serve-process', String(n));
      await supervise({ count, warnings, version, settings: { env, config }, invocation, read });
    });
  },
};

async function processCount(processes: number | 'auto'): Promise<number> {
  if (processes !== 'auto') return processes;
  const { wholeCores } = await import('../../service/supervisor/count.ts');
  return wholeCores();
}
