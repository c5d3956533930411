/** A real Prometheus that scrapes one service and keeps the recording rules as they are shipped. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { type ServerProcess, startServerProcess } from '../deploy/server-process.ts';

const RULES = fileURLToPath(new URL('../../deploy/prometheus/recording.yml', import.meta.url));
/** A busy service answers a scrape within this too. */
const INTERVAL = '1s';

export interface Prometheus extends ServerProcess {
  /** How many series the query finds. */
  count(query: string): Promise<number>;
}

/** @param flags of its command line, in addition */
export async function startPrometheus(
  target: { readonly port: number },
  flags: readonly string[] = [],
): Promise<Prometheus> {
  const server = await startServerProcess('prometheus', async (dir) => {
    const config = {
      global: { scrape_interval: INTERVAL, scrape_timeout: INTERVAL, evaluation_interval: INTERVAL },
      rule_files: [RULES],
      scrape_configs: [
        { job_name: 'cache-service', static_configs: [{ targets: [`127.0.0.1:${target.port}`] }] },
      ],
    };
    await writeFile(join(dir, 'prometheus.yml'), stringify(config));
    return ['--config.file=prometheus.yml', '--storage.tsdb.path=data', '--log.level=warn', ...flags];
  });
  return {
    ...server,
    async count(query) {
      const response = await fetch(`${server.url}/api/v1/query?${new URLSearchParams({ query })}`);
      const { data } = (await response.json()) as { data: { result: unknown[] } };
      return data.result.length;
    },
  };
}
