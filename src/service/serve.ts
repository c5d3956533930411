/** `ratecache serve`: builds the service, listens, warms up, and shuts down. */
import { RateLimits } from '../access/rate-limit.ts';
import { type Config, describe } from '../config/config.ts';
import type { HttpDeps } from '../http/deps.ts';
import { GzippedValues } from '../http/gzip.ts';
import { Load } from '../http/load.ts';
import { opsRoutes, routes, Server } from '../http/server.ts';
import { createLog, type Logger, LogOutput } from '../log.ts';
import { Push } from '../push/socket.ts';
import { selectAddon } from '../uws.ts';
import { composeCore } from './compose.ts';
import { composeAccess, logWhoMayUse, reloadOnHangup } from './compose-access.ts';
import { composeOps } from './compose-ops.ts';
import { composeExplain } from './explain.ts';
import { flushPending, pending } from './flush-pending.ts';
import { limitConnections, SPARE_DESCRIPTORS } from './limit-connections.ts';
import { Readiness } from './readiness.ts';
import { readCertificate } from './tls/certificate.ts';
import { TlsRenewal } from './tls/renewal.ts';
import { warmUpOnStart } from './warm-start.ts';

/**
 * Runs the service until a signal stops it.
 * @param warnings about the configuration, to be logged
 * @param version of this program
 */
export async function serve(config: Config, warnings: readonly string[], version: string): Promise<void> {
  const output = new LogOutput();
  const log = createLog(config.log.level, output);
  // A hangup must not end the process while it starts.
  let hangUp = () => {};
  process.on('SIGHUP', () => hangUp());
  for (const warning of warnings) log.warn(warning);
  const { report: addon, warning } = selectAddon(config.http.addonFile);
  log.info({ version, node: process.version, addon, config: describe(config) }, 'starting');
  if (warning !== undefined) log.warn(warning);

  const { tls } = config;
  const certificate = tls && readCertificate(tls);
  const identity = await composeAccess(config, log);
  hangUp = reloadOnHangup(identity, log);
  const core = composeCore(config, log, { release: version });
  const access = { ...identity, rates: new RateLimits(config.limits, core.counters) };
  output.onDrop = () => core.counters.logLinesDropped++;
  const load = new Load();
  const readiness = new Readiness();
  const { cache, clock, counters } = core;
  const onFault = (error: unknown) => log.error({ err: error }, 'internal error in a request');
  const { overloadLoopDelayMs } = config.faults;
  const overloaded = () => overloadLoopDelayMs > 0 && core.loopDelay.delayMs > overloadLoopDelayMs;
  const deps: HttpDeps = {
    cache,
    clock,
    counters,
    load,
    access,
    maxAge: config.http.maxAge,
    gzipped: new GzippedValues(),
    limits: config.limits,
    explain: composeExplain(config, core),
    hotKeys: (allowed) => core.hotKeys.report(allowed),
    onFault,
    overloaded,
  };
  const ops = opsRoutes(
    deps,
    composeOps(
      config,
      core,
      load,
      readiness,
      () => push.sizes,
      version,
      addon,
      () => renewal?.report,
    ),
  );
  const { opsPort } = config.access;
  const paths = opsPort === undefined ? { ...routes(deps), ...ops } : routes(deps);
  const server = new Server(deps, paths, true, tls);
  // Probes present no certificate, and Prometheus needs none: this port has no TLS.
  const opsServer = opsPort === undefined ? undefined : new Server(deps, ops, false);
  const renewal = tls && certificate && new TlsRenewal(tls, certificate, (files) => server.renew(files), log);
  const reloadAccess = hangUp;
  hangUp = () => {
    // Without tokens it would log that there is nothing to reload.
    if (renewal === undefined || access.authenticator !== undefined) reloadAccess();
    renewal?.check();
  };
  const { maxConnections } = config.limits;
  const crowd = { max: maxConnections, spare: SPARE_DESCRIPTORS, closedSockets: () => counters.wsClosed };
  limitConnections(server.app, crowd, counters, log);
  // Probes and scrapes still connect when clients have used all descriptors that they may use.
  if (opsServer !== undefined)
    limitConnections(opsServer.app, { ...crowd, max: 0, spare: SPARE_DESCRIPTORS / 2 }, counters, log);
  const push = new Push(
    server.app,
    { ...config.limits, ...config.push },
    {
      cache,
      clock,
      counters,
      access,
      onFault,
      overloaded,
      draining: () => load.draining,
    },
  );

  if (config.warmup.onStartup) readiness.hold('warming up');
  const listening = async () => ({
    port: await server.listen(config.http),
    ops_port: await opsServer?.listen({ ...config.http, port: opsPort! }),
  });
  const ports = await listening().catch((error: unknown) => {
    // Open connections and timers would keep the process alive.
    push.close();
    core.close();
    access.authenticator?.close();
    renewal?.close();
    throw error;
  });
  log.info(
    {
      host: config.http.host,
      ...ports,
      tls: tls !== undefined,
      mode: config.standalone ? 'standalone' : 'redis',
    },
    'listening',
  );
  logWhoMayUse(config, log);
  const stop = async () => {
    renewal?.close();
    push.close();
    await server.drain(config.shutdown.timeoutMs);
    await flushPending(core, log);
    await opsServer?.drain(config.shutdown.timeoutMs);
    core.close();
    access.authenticator?.close();
    access.audit.close();
  };
  const cutShort = () => {
    const { pendingWrites } = cache;
    if (pendingWrites !== undefined && pendingWrites.size > 0)
      log.error(pending(pendingWrites), 'pending writes are lost: a second signal ended the process');
  };
  stopOnSignals(config, log, readiness, stop, cutShort);

  if (config.warmup.onStartup) {
    await warmUpOnStart(config, core, log);
    readiness.release('warming up');
  }
}

/**
 * On SIGTERM or SIGINT the process becomes not ready at once, so that load balancers use other replicas. After the
 * grace period it calls `stop` and exits. A second signal exits at once, after a call of `cutShort`.
 */
function stopOnSignals(
  config: Config,
  log: Logger,
  readiness: Readiness,
  stop: () => Promise<void>,
  cutShort: () => void,
): void {
  let stopping = false;
  const onSignal = async (signal: NodeJS.Signals) => {
    if (stopping) {
      cutShort();
      process.exit(1);
    }
    stopping = true;
    log.info({ signal }, 'shutting down');
    readiness.hold('shutting down');
    await new Promise((resume) => setTimeout(resume, config.shutdown.graceMs));
    await stop();
    log.info('stopped');
    // From here on the log must not report the connections that this process closes as lost.
    log.level = 'silent';
    await new Promise<void>((resume) => log.flush(() => resume()));
    process.exit(0);
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}
