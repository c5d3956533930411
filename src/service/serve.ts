/** `ratecache serve`: builds the service, listens, warms up, and shuts down. */
import { RateLimits } from '../access/rate-limit.ts';
import { SlowRequests } from '../access/slow-requests.ts';
import { type Config, describe } from '../config/config.ts';
import type { Settings } from '../config/settings.ts';
import { onHangup } from '../hangup.ts';
import type { HttpDeps } from '../http/deps.ts';
import { GzippedValues } from '../http/gzip.ts';
import { Load } from '../http/load.ts';
import { ownPageRule } from '../http/page-rules.ts';
import { opsRoutes, routes, Server } from '../http/server.ts';
import { uiRoutes } from '../http/ui.ts';
import { createLog, type Logger, LogOutput } from '../log.ts';
import { hottest } from '../metrics/hot-keys.ts';
import { Push } from '../push/socket.ts';
import { selectAddon } from '../uws.ts';
import { composeCore, randomOrigin } from './compose.ts';
import { composeAccess, logWhoMayUse, reloadOnHangup } from './compose-access.ts';
import { composeHistory, readingOfCore } from './compose-history.ts';
import { composeOps } from './compose-ops.ts';
import { composeTracing } from './compose-tracing.ts';
import { configurationBody } from './configuration.ts';
import { composeExplain } from './explain.ts';
import { flushPending, pending } from './flush-pending.ts';
import { limitConnections, SPARE_DESCRIPTORS } from './limit-connections.ts';
import { Readiness } from './readiness.ts';
import { isReloaded, reloadSettings } from './reload.ts';
import { reportConnections } from './supervisor/connection-report.ts';
import type { Member } from './supervisor/member.ts';
import type { Connections } from './supervisor/questions.ts';
import { readCertificate } from './tls/certificate.ts';
import { TlsRenewal } from './tls/renewal.ts';
import { uiFiles } from './ui-files.ts';
import { warmUpOnStart } from './warm-start.ts';

/** How long a stopping process tries to send the spans that wait. */
const TRACES_MS = 2000;

/**
 * Runs the service until a signal stops it.
 * @param warnings about the configuration, to be logged
 * @param version of this program
 * @param member of a supervisor; undefined for a service that is one process
 * @param reread reads the configuration again, for SIGHUP
 */
export async function serve(
  config: Config,
  warnings: readonly string[],
  version: string,
  member?: Member,
  reread?: { readonly settings: Settings; readonly read: () => Settings },
): Promise<void> {
  const output = new LogOutput();
  const log = createLog(config.log.level, output, member && { process: member.process });
  for (const warning of warnings) log.warn(warning);
  const { report: addon, warning } = selectAddon(config.http.addonFile);
  // The supervisor logs what is the same for all processes.
  const facts = member === undefined ? { config: describe(config) } : {};
  log.info({ version, node: process.version, addon, ...facts }, 'starting');
  if (warning !== undefined && member === undefined) log.warn(warning);

  const { tls } = config;
  const certificate = tls && readCertificate(tls);
  const identity = await composeAccess(config, log);
  const reloadAccess = reloadOnHangup(identity, log);
  const origin = randomOrigin();
  const tracing = await composeTracing(config, log, version, origin, reread?.settings.env);
  const core = composeCore(config, log, {
    release: version,
    origin,
    tracing,
    ...(member !== undefined && { process: member.process }),
  });
  const access = { ...identity, rates: new RateLimits(config.limits, core.counters) };
  output.onDrop = () => core.counters.logLinesDropped++;
  const load = new Load();
  const setSlowRequestMs = (ms: number) => {
    if (ms === 0) load.slow = undefined;
    else if (ms !== load.slow?.thresholdMs)
      load.slow = new SlowRequests(ms, log, () => core.loopDelay.delayMs);
  };
  setSlowRequestMs(config.log.slowRequestMs);
  const readiness = new Readiness();
  const { cache, clock, counters } = core;
  const onFault = (error: unknown) => log.error({ err: error }, 'internal error in a request');
  const { overloadLoopDelayMs } = config.faults;
  const overloaded = () => overloadLoopDelayMs > 0 && core.loopDelay.delayMs > overloadLoopDelayMs;
  const opsAnswers = composeOps(
    config,
    core,
    load,
    readiness,
    () => push.sizes,
    version,
    addon,
    () => renewal?.report,
  );
  const wholeOps = member?.ops(() => readiness.reason, opsAnswers.health) ?? opsAnswers;
  const history = composeHistory(config, core, wholeOps, member && ((after) => member.history(after)));
  // SIGHUP changes these two objects.
  const limits = { ...config.limits };
  const pushOptions = { ...config.limits, ...config.push };
  const deps: HttpDeps = {
    cache,
    clock,
    counters,
    load,
    access,
    marks: core.marks,
    maxAge: config.http.maxAge,
    gzipped: new GzippedValues(),
    limits,
    explain: composeExplain(config, core),
    hotKeys: async (allowed) => hottest((await member?.hotKeys()) ?? [core.hotKeys.rates()], allowed),
    openEvents: (answer, request) => push.openEvents(answer, request),
    history: history.history,
    replicas: history.replicas,
    // One of the two exists.
    configuration: async () =>
      member?.configuration() ?? configurationBody(version, reload!.variables(), isReloaded),
    onFault,
    overloaded,
    tracing,
  };
  const ops = opsRoutes(deps, wholeOps);
  const { opsPort } = config.access;
  const clientPaths = { ...routes(deps), ...uiRoutes(deps, uiFiles()) };
  const paths = opsPort === undefined ? { ...clientPaths, ...ops } : clientPaths;
  const server = new Server(deps, paths, true, tls);
  // This port has no TLS, because probes present no certificate, and Prometheus does not need TLS.
  const opsServer = opsPort === undefined || member !== undefined ? undefined : new Server(deps, ops, false);
  const renewal = tls && certificate && new TlsRenewal(tls, certificate, (files) => server.renew(files), log);
  const { setTtls, setLocalTtl, accessLog } = core;
  const given = { setSlowRequestMs, setTtls, setLocalTtl, limits, rates: access.rates, push: pushOptions };
  const parts = { log, accessLog, ...given };
  const reload = reread && reloadSettings(reread.settings, reread.read, parts);
  const hangUp = async () => {
    reload?.hangUp();
    await Promise.all([reloadAccess(), renewal?.check()]);
  };
  onHangup(hangUp);
  const crowd = {
    get max() {
      return limits.maxConnections;
    },
    spare: SPARE_DESCRIPTORS,
    closedSockets: () => counters.wsClosed,
  };
  const openConnections = limitConnections(server.app, crowd, counters, log);
  // Probes and scrapes still connect when clients have used all descriptors that they may use.
  if (opsServer !== undefined)
    limitConnections(opsServer.app, { ...crowd, max: 0, spare: SPARE_DESCRIPTORS / 2 }, counters, log);
  const push = new Push(server.app, pushOptions, {
    cache,
    clock,
    counters,
    access,
    slow: () => load.slow,
    tracing,
    onFault,
    overloaded,
    draining: () => load.draining,
    isOwnPage: ownPageRule(access.allowedHosts),
  });

  if (config.warmup.onStartup) readiness.hold('warming up');
  // The other processes serve the port. So this one accepts no request before it can ask Redis.
  if (member !== undefined) await core.whenUp(config.redis!.connectTimeoutMs);
  const listening = async () => ({
    port: await server.listen({ ...config.http, reusePort: config.http.reusePort || member !== undefined }),
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
    member === undefined ? 'listening' : 'process listening',
  );
  if (member === undefined) logWhoMayUse(config, log);
  const stop = async () => {
    renewal?.close();
    push.close();
    history.stop();
    await server.drain(config.shutdown.timeoutMs);
    await flushPending(core, log);
    const handOverCounts = async () => member?.ending(await opsAnswers.counts());
    // After the pending writes, because each attempt to apply them has a span.
    await Promise.all([tracing?.close(TRACES_MS), handOverCounts()]);
    await opsServer?.drain(config.shutdown.timeoutMs);
    await core.accessLog.close();
    core.close();
    access.authenticator?.close();
    access.audit.close();
  };
  const cutShort = () => {
    const { pendingWrites } = cache;
    if (pendingWrites !== undefined && pendingWrites.size > 0)
      log.error(pending(pendingWrites), 'pending writes are lost: a second signal ended the process');
  };
  const stopNow = stopOnSignals(config, log, readiness, stop, cutShort);
  if (member !== undefined) {
    member.answer({
      ...opsAnswers,
      reading: () => readingOfCore(core),
      hotKeys: () => core.hotKeys.rates(),
      connections: reportConnections({
        load,
        counters,
        open: openConnections,
        lasting: () => push.sizes.connections + push.sizes.streams,
      }),
      closeConnections: (given) => {
        const { lasting, http } = given as Connections;
        push.closeSome(lasting);
        load.closing = http;
      },
      pendingWrites: () => cache.pendingWrites?.size ?? 0,
      reload: async () => void (await hangUp()),
      stop: () => void stopNow('the supervisor'),
    });
    // Nothing would restart, observe or stop this process any more.
    const orphaned = () => stopNow('the end of the supervisor');
    process.on('disconnect', orphaned);
    // A supervisor that is slow receives the message later; one that has ended is not connected.
    await member.listening().catch(() => (process.connected ? undefined : orphaned()));
  }

  if (config.warmup.onStartup) {
    await warmUpOnStart(config, core, log);
    readiness.release('warming up');
  }
}

/**
 * On SIGTERM or SIGINT the process becomes not ready at once, so that load balancers use other replicas. After the
 * grace period it calls `stop` and exits. A second signal exits at once, after a call of `cutShort`.
 * @returns does the same as the first signal, and nothing if the process is stopping
 */
function stopOnSignals(
  config: Config,
  log: Logger,
  readiness: Readiness,
  stop: () => Promise<void>,
  cutShort: () => void,
): (cause: string) => Promise<void> {
  let stopping = false;
  const stopNow = async (signal: string) => {
    if (stopping) return;
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
  const onSignal = (signal: NodeJS.Signals) => {
    if (stopping) {
      cutShort();
      process.exit(1);
    }
    void stopNow(signal);
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  return stopNow;
}
