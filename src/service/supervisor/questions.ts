/** What the supervisor and its processes ask each other. */
import type { ConfigurationBody } from '../../config/compare.ts';
import type { Ops } from '../../http/ops.ts';
import type { Health } from '../../metrics/health.ts';
import type { HotKeyRates } from '../../metrics/hot-keys.ts';
import type { Reading } from '../../metrics/interval.ts';
import type { Sample } from '../../metrics/sample.ts';
import type { MetricData } from '../../metrics/scraped.ts';
import type { StatsBody } from '../../metrics/stats.ts';

/** The counts of a process: the supervisor adds those of ended processes to those of the present ones. */
export interface Counts {
  readonly metrics: readonly MetricData[];
  readonly stats: StatsBody | { readonly enabled: false };
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
  /** The number of open WebSockets. */
  sockets: number;
  /** Closes as many WebSockets as are given, so that their clients connect again, perhaps to another process. */
  closeSockets: undefined;
  /** Loads tokens, keys and certificates again. */
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
  /** The samples of the whole service with a greater number than the one that is given. */
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
