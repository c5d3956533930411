import packageJson from '../../../package.json' with { type: 'json' };
import type { Subcommand } from '../subcommand.ts';

export const serve: Subcommand = {
  name: 'serve',
  summary: 'serve the cache over HTTP and WebSocket',
  group: 'Service:',
  exits: {
    0: 'stopped by a signal',
    1: 'the service could not start, or a second signal interrupted its shutdown',
    73: 'the single binary could not unpack its native part into any directory',
    74: 'the help could not be written; a log that cannot be written does not end the service',
    78: 'the configuration is invalid',
  },
  async define(command) {
    const { addVariables, environmentWith, givenVariables } = await import('../options.ts');
    addVariables(command).action(async (flags) => {
      const [{ loadConfig }, { refuseIdleVariables }, { serve }] = await Promise.all([
        import('../../config/config.ts'),
        import('../idle-variables.ts'),
        import('../../service/serve.ts'),
      ]);
      const { config, warnings } = loadConfig(environmentWith(flags), { standalone: false });
      refuseIdleVariables(config, givenVariables(flags));
      await serve(config, warnings, packageJson.version);
    });
  },
};
