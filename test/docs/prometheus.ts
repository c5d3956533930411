/** A real Prometheus that scrapes one service and keeps the recording rules of deploy/prometheus. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { freePort } from '../support/redis-server.ts';
import { tether } from '../support/tether.ts';
import { until } from '../support/until.ts';

const RULES = fileURLToPath(new URL('../../deploy/prometheus/recording.yml', import.meta.url));

export interface Prometheus {
  readonly url: string;
  /** How many series the query finds. */
  count(query: string): Promise<number>;
  stop(): Promise<void>;
}

export async function startPrometheus(target: { readonly port: number }): Promise<Prometheus> {
  const dir = await mkdtemp(join(tmpdir(), 'ratecache-prometheus-'));
  const port = await freePort();
  const file = join(dir, 'prometheus.yml');
  await writeFile(
    file,
    stringify({
      global: { scrape_interval: '300ms', scrape_timeout: '300ms', evaluation_interval: '300ms' },
      rule_files: [RULES],
      scrape_configs: [
        { job_name: 'cache-service', static_configs: [{ targets: [`127.0.0.1:${target.port}`] }] },
      ],
    }),
  );
  const child = spawn(
    'prometheus',
    [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(dir, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=error',
    ],
    { stdio: 'ignore' },
  );
  tether(child);
  const exited = once(child, 'exit');
  const url = `http://127.0.0.1:${port}`;
  await until(async () => (await fetch(`${url}/-/ready`)).ok, { timeoutMs: 20_000 });
  return {
    url,
    async count(query) {
      const response = await fetch(`${url}/api/v1/query?${new URLSearchParams({ query })}`);
      const { data } = (await response.json()) as { data: { result: unknown[] } };
      return data.result.length;
    },
    async stop() {
      child.kill('SIGKILL');
      await exited;
      await rm(dir, { recursive: true });
    },
  };
}
