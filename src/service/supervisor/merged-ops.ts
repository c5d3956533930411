/** The endpoints of operators over all processes. */
import { ServiceError } from '../../errors.ts';
import type { Ops } from '../../http/ops.ts';
import { mergeHealth } from '../../metrics/merge-health.ts';
import { countsOf, mergeMetrics } from '../../metrics/merge-metrics.ts';
import { mergeStats } from '../../metrics/merge-stats.ts';
import { type MetricsFormat, metricsText } from '../../metrics/prometheus.ts';
import { counter, gauge, type MetricData } from '../../metrics/scraped.ts';
import type { StatsBody } from '../../metrics/stats.ts';
import type { Child } from './child.ts';
import type { Processes } from './processes.ts';
import type { Counts } from './questions.ts';

/** A process that did not answer is not in a sum of present figures, but its earlier counts are. */
interface Collected {
  readonly present: readonly { readonly process: number; readonly counts: Counts }[];
  readonly before: readonly Counts[];
}

/** The statistics of processes with ENABLE_CACHE_STATS=false. */
const DISABLED = { enabled: false } as const;

export class MergedOps implements Ops {
  readonly #processes: Processes;
  /** The counts of the processes that have ended. */
  #ended: Counts | undefined;

  constructor(processes: Processes) {
    this.#processes = processes;
    processes.onEnd = ({ counts }) => {
      if (counts !== undefined) this.#ended = added(this.#ended, counts);
    };
  }

  readonly health = async () => {
    const reports = this.#processes.current.map(async ({ process, child }) => ({
      process,
      pid: child?.pid,
      listens: child?.listens === true,
      health: await child?.ask('health').catch(() => undefined),
    }));
    const merged = mergeHealth(await Promise.all(reports));
    if (merged !== undefined) return merged;
    const reasons = ['No process answers. Read the log of the service'];
    return {
      serving: false,
      body: { status: 'unhealthy', reasons, warnings: [], redis: {}, local_cache: {} },
    };
  };

  readonly notReady = async () => {
    const reasons = this.#processes.current.map(async ({ process, child }) => {
      const reason =
        child?.listens !== true
          ? 'it is starting'
          : await child.ask('notReady').catch((error: Error) => error.message);
      return reason && `process ${process}: ${reason}`;
    });
    return (await Promise.all(reasons)).filter(Boolean).join('; ') || undefined;
  };

  readonly metrics = async (format: MetricsFormat) => {
    const { present, before } = await this.#collect();
    const reports = [
      ...present.map(({ process, counts }) => ({ process: String(process), metrics: counts.metrics })),
      ...before.map(({ metrics }) => ({ process: '', metrics: countsOf(metrics) })),
    ];
    return metricsText([...mergeMetrics(reports), ...(await this.#own(present.length))], format);
  };

  readonly stats = async () => {
    const { present, before } = await this.#collect();
    if (present.length === 0) throw new ServiceError('overloaded', 'no process answers');
    const bodies = statisticsOf(present.map(({ counts }) => counts));
    return bodies.length === 0 ? DISABLED : mergeStats(bodies, statisticsOf(before));
  };

  async #collect(): Promise<Collected> {
    const current = new Set(this.#processes.current.map(({ child }) => child));
    const asked = [...this.#processes.running].map(async (child) => ({
      child,
      answered: await report(child),
    }));
    const answers = await Promise.all(asked);
    const isPresent = (each: (typeof answers)[number]) =>
      each.answered && current.has(each.child) && this.#processes.running.has(each.child);
    return {
      present: answers
        .filter(isPresent)
        .map(({ child }) => ({ process: child.process, counts: child.counts! }))
        .sort((a, b) => a.process - b.process),
      before: [
        // A process that ended during the questions is in `#ended` by now.
        ...answers
          .filter((each) => !isPresent(each) && this.#processes.running.has(each.child))
          .flatMap(({ child }) => child.counts ?? []),
        ...(this.#ended === undefined ? [] : [this.#ended]),
      ],
    };
  }

  /** The metrics of the supervisor. */
  #own(answering: number): Promise<MetricData[]> {
    const { current, restarts } = this.#processes;
    return Promise.all(
      [
        gauge('ratecache_processes', 'Processes of this service: PROCESSES.', () => current.length),
        gauge('ratecache_processes_answering', 'Processes that answered this scrape.', () => answering),
        counter(
          'ratecache_process_restarts_total',
          'Processes that died and were restarted.',
          () => restarts,
        ),
      ].map((metric) => metric.get()),
    );
  }
}

/** Whether the process reported its counts in time. */
async function report(child: Child): Promise<boolean> {
  try {
    child.counts = await child.ask('counts');
    return true;
  } catch {
    return false;
  }
}

function added(sum: Counts | undefined, { metrics, stats }: Counts): Counts {
  const counts = { metrics: countsOf(metrics), stats };
  if (sum === undefined) return counts;
  const [first, ...others] = statisticsOf([sum, counts]);
  return {
    metrics: mergeMetrics([sum, counts].map((each) => ({ process: '', metrics: each.metrics }))),
    stats: first === undefined ? DISABLED : mergeStats([first], others),
  };
}

/** The statistics of the processes that have statistics: SIGHUP may change ENABLE_CACHE_STATS. */
function statisticsOf(counts: readonly Counts[]): StatsBody[] {
  return counts.flatMap(({ stats }) => ('enabled' in stats ? [] : stats));
}
