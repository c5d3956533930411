import packageJson from '../../../package.json' with { type: 'json' };
import type { Pipe } from '../../service/supervisor/channel.ts';
import type { Subcommand } from '../subcommand.ts';

/** Runs one of the processes of a service; `serve` starts it with a channel to itself. */
export const serveProcess: Subcommand = {
  name: 'serve-process',
  summary: 'run one process of a service with PROCESSES',
  async define(command) {
    const { Failure, EXIT_USAGE } = await import('../exits.ts');
    command.argument('<number>').action(async (number: string) => {
      if (process.send === undefined) throw new Failure('serve-process is started by serve only', EXIT_USAGE);
      const [{ loadConfig }, { Member }, { serve }] = await Promise.all([
        import('../../config/config.ts'),
        import('../../service/supervisor/member.ts'),
        import('../../service/serve.ts'),
      ]);
      const { config } = loadConfig(process.env, { standalone: false });
      await serve(config, [], packageJson.version, new Member(Number(number), process as Pipe)).catch(
        (error) => {
          // The channel would keep the process alive.
          process.disconnect?.();
          throw error;
        },
      );
    });
  },
};
