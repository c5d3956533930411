/**
 * The Grafana dashboard of the service: the four sections of the original runbook, 4.3, and rows for coherence and
 * push. `node deploy/grafana/build.ts` writes it to cache-service.json, the file to import.
 */
import {
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  RowBuilder,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { cacheContents } from './rows/cache-contents.ts';
import { cachePerformance } from './rows/cache-performance.ts';
import { coherence } from './rows/coherence.ts';
import { overview } from './rows/overview.ts';
import { push } from './rows/push.ts';
import { redis } from './rows/redis.ts';
import { serviceHealth } from './rows/service-health.ts';
import { runbookLink } from './runbook-link.ts';
import { VARIABLES } from './variables.ts';

const ROWS = [overview, cachePerformance, redis, serviceHealth, cacheContents, coherence, push];

export function dashboard(): Dashboard {
  const builder = new DashboardBuilder('Cache Service')
    .uid('ratecache')
    .description('The cache service of the borrow-rate engine.')
    .tags(['cache-service', 'ratecache'])
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: 'now-1h', to: 'now' })
    .refresh('30s')
    .variables(VARIABLES)
    .link(runbookLink('Runbook', 'docs/runbook.md'));
  for (const { title, panels } of ROWS) {
    builder.withRow(new RowBuilder(title).collapsed(false));
    for (const panel of panels) builder.withPanel(panel);
  }
  const built = builder.build();
  // Grafana identifies panels by their number.
  built.panels?.forEach((panel, i) => {
    panel.id = i + 1;
  });
  return built;
}
