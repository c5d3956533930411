/** What the supervisor and its processes ask each other. */
import type { ConfigurationBody } from '../../config/compare.ts';
import type { Ops } from '../../http/ops.ts';
import type { Health } from '../../metrics/health.ts';
import type { HotKeyRates } from '../../metrics/hot-keys.ts';
import type { Reading } from '../../metrics/interval.ts';
import type { Sample } from '../../metrics/sample.ts';
import type { MetricData } from '../../metrics/scraped.ts';
import type { StatsBody } from '../../metrics/stats.ts';

/** The counts of a process. The supervisor adds the counts of ended processes to the counts of present processes. */
export interface Counts {
  readonly metrics: readonly MetricData[];
  readonly stats: StatsBody | { readonly enabled: false };
}

/** The open connections of clients, or how many of them are to close. */
export interface Connections {
  /** WebSockets and event streams. */
  readonly lasting: number;
  /** Other connections. The next answers close them. */
  readonly http: number;
}

/** The open connections of a process, and what has happened since its last report. */
export interface ConnectionReport extends Connections {
  /** HTTP requests that it has answered. */
  readonly answers: number;
  /** HTTP connections that it has closed so that their clients connect again. */
  readonly closed: number;
}

/** The questions of the supervisor, with their answers. */
export interface ProcessAnswers {
  health: Health;
  /** Why the process is not ready; undefined if it is. */
  notReady: string | undefined;
  counts: Counts;
  /** Its counters now, for the history of the service. */
  reading: Reading;
  hotKeys: HotKeyRates;
  /** Ends the closing of HTTP connections that was asked for before. */
  connections: ConnectionReport;
  /** Closes as many connections as are given, so that their clients connect again, perhaps to another process. */
  closeConnections: undefined;
  /** How many writes the process has answered with 202 that Redis does not have yet. */
  pendingWrites: number;
  /** Loads tokens, keys and certificates again. The answer comes when they are in use. */
  reload: undefined;
  /** Stops as after SIGTERM. */
  stop: undefined;
}

/** The questions of a process, with their answers. */
export interface SupervisorAnswers {
  /** The process accepts connections. */
  listening: undefined;
  /** The last counts of a process that ends. */
  ending: undefined;
  health: Awaited<ReturnType<Ops['health']>>;
  notReady: string | undefined;
  metrics: { readonly contentType: string; readonly text: string };
  stats: unknown;
  configuration: ConfigurationBody;
  /** The samples of the whole service with a greater number than the given number. */
  history: HistorySamples;
  hotKeys: readonly HotKeyRates[];
}

export interface HistorySamples {
  /** The id of what has counted: of this process, or of the supervisor. */
  readonly replica: string;
  readonly samples: readonly Sample[];
}

/** How long the supervisor waits for one process, in ms. Redis gets half a second of it. Probes wait for two seconds. */
export const PROCESS_ANSWER_MS = 1000;
/** How long a process waits for the supervisor, which asks all processes. */
export const SUPERVISOR_ANSWER_MS = 1500;
