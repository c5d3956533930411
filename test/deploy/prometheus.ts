import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { until } from '../../loadtest/support/until.ts';
import { hasten } from './hastened.ts';
import { read } from './rules.ts';
import { type ServerProcess, startServerProcess } from './server-process.ts';

/** A busy service answers a scrape within this too. */
const INTERVAL = '2s';

export type Target = { readonly namespace: string; readonly port: number };
export type Sample = { readonly labels: Readonly<Record<string, string>>; readonly value: number };

export type Prometheus = ServerProcess & {
  /** The current result of an expression. */
  query(expr: string): Promise<Sample[]>;
};

/** A real Prometheus with the shipped configuration and the shipped rules, hastened, that scrapes these services often. */
export async function startPrometheus(
  targets: readonly Target[],
  alertmanagerUrl: string,
): Promise<Prometheus> {
  const server = await startServerProcess('prometheus', async (dir) => {
    const config = parse(read('prometheus.yml'));
    Object.assign(config.global, {
      scrape_interval: INTERVAL,
      scrape_timeout: INTERVAL,
      evaluation_interval: INTERVAL,
    });
    config.alerting.alertmanagers[0].static_configs[0].targets = [new URL(alertmanagerUrl).host];
    config.scrape_configs[0].static_configs = targets.map(({ namespace, port }) => ({
      targets: [`127.0.0.1:${port}`],
      labels: { namespace },
    }));
    await writeFile(join(dir, 'prometheus.yml'), stringify(config));
    for (const file of config.rule_files) await writeFile(join(dir, file), hasten(read(file)));
    return [
      '--config.file=prometheus.yml',
      '--storage.tsdb.path=data',
      '--rules.alert.resend-delay=1s',
      '--log.level=warn',
    ];
  });
  const prometheus: Prometheus = {
    ...server,
    async query(expr) {
      const response = await fetch(`${server.url}/api/v1/query`, {
        method: 'POST',
        body: new URLSearchParams({ query: expr }),
      });
      const { status, error, data } = (await response.json()) as Answer;
      if (status !== 'success') throw new Error(`${error}: ${expr}`);
      return data.result.map(({ metric, value: [, value] }) => ({ labels: metric, value: Number(value) }));
    },
  };
  // The first sample of a counter does not count as an increase.
  await until(
    async () => {
      const scraped = await prometheus.query('count_over_time(up[1m]) >= 2');
      return scraped.length === targets.length;
    },
    { timeoutMs: 60_000 },
  );
  return prometheus;
}

type Answer = {
  readonly status: string;
  readonly error?: string;
  readonly data: { readonly result: { metric: Record<string, string>; value: [number, string] }[] };
};
