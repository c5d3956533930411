/** What SIGHUP does to the processes. */
import { isDeepStrictEqual } from 'node:util';
import type { Config, VariableName } from '../../config/config.ts';
import type { Settings } from '../../config/settings.ts';
import type { Logger } from '../../log.ts';
import type { Child } from './child.ts';
import type { Processes } from './processes.ts';

/** How long a process may take to load its files: keys may come from a URL. */
const LOAD_MS = 10_000;

interface ReloadDeps {
  readonly processes: Processes;
  /** What the processes have been started with. */
  readonly settings: Settings;
  /** Reads the configuration again. Throws if it is invalid. */
  readonly read: () => Settings;
  readonly log: Logger;
}

/**
 * Returns what SIGHUP does. A changed configuration replaces the processes one after another. Otherwise each loads its
 * tokens, keys and certificates again. Signals that arrive meanwhile, or before the first process listens, are handled
 * in turn.
 */
export function reloadOrReplace({ processes, settings, read, log }: ReloadDeps): () => void {
  /** Undefined while only some of the processes have a new configuration: the next signal replaces all again. */
  let present: Settings | undefined = settings;
  let running = processes.firstListens;
  const once = async () => {
    let next: Settings;
    try {
      next = read();
    } catch (error) {
      log.error(
        { reason: (error as Error).message },
        'SIGHUP: the configuration is invalid; the one before stays in use',
      );
      return;
    }
    for (const warning of next.warnings) log.warn(warning);
    if (present !== undefined && isDeepStrictEqual(next.env, present.env)) {
      log.info('SIGHUP: the processes load tokens, keys and certificates again');
      let failed = 0;
      // Processes that are starting come last.
      const children = [...processes.running].sort((a, b) => Number(b.listens) - Number(a.listens));
      for (const child of children)
        await loadAgain(child).catch((error: Error) => {
          failed++;
          log.warn(
            { process: child.process, reason: error.message },
            'the process did not load its files again',
          );
        });
      if (failed === 0)
        log.info(
          'SIGHUP: all processes have read their files again; earlier lines report files that were refused',
        );
      return;
    }
    const fixed = changedAddress(settings, next);
    if (fixed !== undefined) {
      log.error(
        { variable: fixed },
        'SIGHUP: the change of a variable needs a restart; the configuration before stays in use',
      );
      return;
    }
    log.info('SIGHUP: the configuration has changed; the processes are replaced one after another');
    const replaced = await processes.replace(next);
    if (replaced === processes.current.length) {
      present = next;
      log.info('SIGHUP: all processes have the new configuration');
    } else if (replaced > 0) present = undefined;
    if (replaced > 0) log.level = next.config.log.level;
  };
  return () => {
    running = running.then(once);
  };
}

/** The variables of the supervisor itself, with their values. */
const OF_SUPERVISOR: readonly (readonly [VariableName, (config: Config) => unknown])[] = [
  ['PROCESSES', ({ processes }) => processes],
  ['HOST', ({ http }) => http.host],
  ['PORT', ({ http }) => http.port],
  ['OPS_PORT', ({ access }) => access.opsPort],
  ['STANDALONE', ({ standalone }) => standalone],
];

/** Whether the processes are replaced if this variable changes. */
export function isReplaced(name: VariableName): boolean {
  return OF_SUPERVISOR.every(([fixed]) => fixed !== name);
}

/** The variable of the supervisor that has changed. */
function changedAddress({ config: before }: Settings, { config: after }: Settings): string | undefined {
  return OF_SUPERVISOR.find(([, read]) => read(before) !== read(after))?.[0];
}

/** A process that starts may have read its files before they changed. If it ends, its successor reads them. */
async function loadAgain(child: Child): Promise<void> {
  if (!child.listens && (await Promise.race([child.listening, child.exited])) !== undefined) return;
  await child.ask('reload', undefined, LOAD_MS);
}
