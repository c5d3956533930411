/** `ratecache serve` with PROCESSES: starts the processes of the service, and serves OPS_PORT for all of them. */
import type { ConfigurationBody } from '../../config/compare.ts';
import { type Config, describe } from '../../config/config.ts';
import { reportVariables } from '../../config/report.ts';
import type { Settings } from '../../config/settings.ts';
import { Load } from '../../http/load.ts';
import type { Ops } from '../../http/ops.ts';
import { opsRoutes, Server } from '../../http/server.ts';
import { createLog, type Logger, LogOutput } from '../../log.ts';
import { Counters } from '../../metrics/counters.ts';
import { createApp, listen, selectAddon } from '../../uws.ts';
import { logWhoMayUse } from '../compose-access.ts';
import { configurationBody } from '../configuration.ts';
import { limitConnections, SPARE_DESCRIPTORS } from '../limit-connections.ts';
import type { Asked, Invocation } from './child.ts';
import { MergedHistory } from './merged-history.ts';
import { MergedOps } from './merged-ops.ts';
import { migratesConnections } from './migrates-connections.ts';
import { Processes } from './processes.ts';
import { isReplaced, reloadOrReplace } from './reload.ts';
import { watchOver } from './watch-over.ts';

export interface SuperviseOptions {
  readonly count: number;
  readonly warnings: readonly string[];
  readonly version: string;
  readonly settings: Settings;
  /** The command line of process `n`. */
  readonly invocation: (n: number) => Invocation;
  /** Reads the configuration again. Throws if it is invalid. */
  readonly read: () => Settings;
}

/** Runs the processes of the service until a signal stops them. */
export async function supervise(options: SuperviseOptions): Promise<void> {
  const { count, settings, version, warnings, invocation } = options;
  const { config } = settings;
  const output = new LogOutput();
  const log = createLog(config.log.level, output);
  let hangUp = () => {};
  process.on('SIGHUP', () => hangUp());
  for (const warning of warnings) log.warn(warning);
  const { report: addon, warning } = selectAddon(config.http.addonFile);
  log.info({ version, node: process.version, addon, processes: count, config: describe(config) }, 'starting');
  if (warning !== undefined) log.warn(warning);
  if (migratesConnections() === false)
    log.info(
      'net.ipv4.tcp_migrate_req is 0: a client that connects while a process stops may be reset; set it to 1',
    );

  const port = await freePort(config);
  const environment = ({ env }: Settings) => ({ ...env, PORT: String(port) });
  const processes = new Processes({ count, log, invocation, environment, asked: () => answers }, settings);
  const merged = new MergedOps(processes);
  // The supervisor is not ready before the processes know that they stop.
  const notReady = async () => (processes.stopping ? 'shutting down' : merged.notReady());
  const ops: Ops = { ...merged, notReady };
  const history = new MergedHistory(processes);
  const answers: Asked = {
    ...ops,
    configuration: async () => configurationOf(processes, version),
    history: history.history,
    hotKeys: history.hotKeys,
  };
  const opsServer = composeOpsServer(config, ops, log);
  const stopWatching = watchOver(processes, log);
  stopOnSignals(
    log,
    async () => {
      stopWatching();
      history.stop();
      await processes.stop();
      await opsServer?.close();
    },
    processes,
  );
  hangUp = reloadOrReplace({ processes, settings, read: options.read, log });
  let opsPort: number | undefined;
  try {
    opsPort = await opsServer?.listen();
    // A signal has stopped the processes, and ends this process.
    if (!(await processes.start())) return;
  } catch (error) {
    stopWatching();
    history.stop();
    await opsServer?.close();
    await processes.stop();
    throw error;
  }
  log.info(
    { host: config.http.host, port, ops_port: opsPort, processes: count, tls: config.tls !== undefined },
    'listening',
  );
  logWhoMayUse(config, log);
}

function configurationOf({ settings, current, behind }: Processes, version: string): ConfigurationBody {
  const processes = { count: current.length, behind };
  return { ...configurationBody(version, reportVariables(settings), isReplaced), processes };
}

/**
 * The port of the processes. The processes share the port, so no process notices another program on it. This function
 * checks the port before they start.
 * @throws Error if another program listens on the port
 */
async function freePort({ http }: Config): Promise<number> {
  if (http.reusePort && http.port !== 0) return http.port;
  const app = createApp(undefined);
  const { port, stop } = await listen(app, http.host, http.port, false);
  stop();
  return port;
}

interface OpsServer {
  readonly listen: () => Promise<number>;
  readonly close: () => Promise<void>;
}

function composeOpsServer(config: Config, ops: Ops, log: Logger): OpsServer | undefined {
  const { opsPort } = config.access;
  if (opsPort === undefined) return undefined;
  const counters = new Counters();
  const onFault = (error: unknown) => log.error({ err: error }, 'internal error in a request');
  const deps = { load: new Load(), counters, onFault };
  const server = new Server(deps, opsRoutes(deps, ops), false);
  const crowd = { max: 0, spare: SPARE_DESCRIPTORS, closedSockets: () => 0 };
  limitConnections(server.app, crowd, counters, log);
  return {
    listen: () => server.listen({ ...config.http, port: opsPort, reusePort: false }),
    close: () => server.drain(0),
  };
}

/** The first signal stops the processes as their grace times allow, the second at once. */
function stopOnSignals(log: Logger, stop: () => Promise<void>, processes: Processes): void {
  let stopping = false;
  let interrupted = false;
  const onSignal = async (signal: NodeJS.Signals) => {
    if (stopping) {
      interrupted = true;
      return processes.endNow();
    }
    stopping = true;
    log.info({ signal }, 'shutting down');
    await stop();
    log.info('stopped');
    await new Promise<void>((resume) => log.flush(() => resume()));
    process.exit(interrupted ? 1 : 0);
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}
