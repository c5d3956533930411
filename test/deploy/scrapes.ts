import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { until } from '../../loadtest/support/until.ts';
import type { Service } from '../../loadtest/target/service.ts';
import { ALERTS, metricsIn, PROMETHEUS_DIR, RECORDINGS, read } from './rules.ts';

/** As in prometheus.yml. */
const INTERVAL = '15s';
/** The rule asks how many seconds a change has waited. That time passes in the service, and not between scrapes. */
const PENDING_AGE = /(?<=cache_pending_writes_oldest_age_seconds\{[^}]*\}\) > )300$/m;
export const PENDING_AGE_SECONDS = 3;

const ASKED = new Set([...RECORDINGS, ...ALERTS].flatMap(({ expr }) => metricsIn(expr)));
const GROUPS = [
  ...['cache-service-key-metrics', 'cache-service-instances', 'cache-service-coherence'],
  ...['cache-service', 'cache-service-own', 'cache-service-absent'],
];

/**
 * Scrapes of real services that take as long as they take, and count as one every 15 s: the shipped rules, with the
 * durations that they are shipped with, judge them in promtool's time. Neither the rules nor the services wait.
 */
export class Scrapes {
  readonly #namespace: string;
  readonly #services: readonly Service[];
  /** Of each series what the scrapes brought, as promtool takes it. */
  readonly #series = new Map<string, string[]>();
  #count = 0;

  constructor(namespace: string, services: readonly Service[]) {
    this.#namespace = namespace;
    this.#services = services;
  }

  /** How many there were; a scrape more is 15 s later. */
  get count(): number {
    return this.#count;
  }

  /**
   * Scrapes all services so many times, each time after this step.
   * @param accepts whether the text is what a scrape 15 s later brings; else that service is scraped again
   */
  async take(
    times: number,
    step: () => Promise<unknown> = async () => {},
    accepts: (text: string) => boolean = () => true,
  ): Promise<void> {
    for (let i = 0; i < times; i++) {
      await step();
      await Promise.all(this.#services.map((service) => this.#scrape(service, accepts)));
      this.#count++;
      for (const values of this.#series.values())
        if (values.length < this.#count) values.push(values.at(-1) === '_' ? '_' : 'stale');
    }
  }

  /** The alerts that have fired at one of the scrapes from this one on, by name. */
  async fired(since = 0): Promise<string[]> {
    const seconds = (this.#count - 1) * 15;
    const window = `${seconds - since * 15 + 1}s`;
    // What promtool expects is nothing, so that its complaint names all that there is.
    const found = `group by (alertname) (max_over_time(ALERTS{alertstate="firing"}[${window}]))`;
    const test = {
      rule_files: ['recording.yml', 'alerts.yml'],
      evaluation_interval: INTERVAL,
      group_eval_order: GROUPS,
      tests: [
        {
          interval: INTERVAL,
          input_series: [...this.#series].map(([series, values]) => ({ series, values: values.join(' ') })),
          promql_expr_test: [{ expr: found, eval_time: `${seconds}s`, exp_samples: [] }],
        },
      ],
    };
    const complaint = await promtool(stringify(test));
    return [...complaint.matchAll(/alertname="(\w+)"/g)].map(([, name]) => name!).sort();
  }

  async #scrape(service: Service, accepts: (text: string) => boolean): Promise<void> {
    const target = `job="cache-service", namespace="${this.#namespace}", instance="127.0.0.1:${service.port}"`;
    const { text } = await until(async () => {
      const text = await service.fetch('/metrics').then(
        (response) => response.text(),
        () => undefined,
      );
      return text === undefined || accepts(text) ? { text } : undefined;
    });
    this.#add(`up{${target}}`, text === undefined ? '0' : '1');
    for (const line of text?.split('\n') ?? []) {
      const [, name, labels, value] = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      if (name === undefined || !ASKED.has(name.replace(/(?<=_seconds)_(bucket|sum|count)$/, ''))) continue;
      this.#add(`${name}{${[target, labels].filter(Boolean).join(', ')}}`, value!);
    }
  }

  #add(series: string, value: string): void {
    const values = this.#series.get(series) ?? Array<string>(this.#count).fill('_');
    values.push(value);
    this.#series.set(series, values);
  }
}

/** What `promtool test rules` says of this test. */
async function promtool(test: string): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'ratecache-scrapes-'));
  try {
    await cp(PROMETHEUS_DIR, dir, { recursive: true });
    const rules = read('alerts.yml');
    if (!PENDING_AGE.test(rules)) throw new Error('no alert asks how long changes have been pending');
    await writeFile(join(dir, 'alerts.yml'), rules.replace(PENDING_AGE, String(PENDING_AGE_SECONDS)));
    await writeFile(join(dir, 'scrapes.yml'), test);
    const run = promisify(execFile)('promtool', ['test', 'rules', 'scrapes.yml'], { cwd: dir });
    const { code, stdout, stderr } = await run.then(
      (output) => ({ code: 0, ...output }),
      (error: { code: number; stdout: string; stderr: string }) => error,
    );
    const said = stdout + stderr;
    if (code !== 0 && !said.includes('got:')) throw new Error(`promtool failed:\n${said}`);
    return code === 0 ? '' : said;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
