import type { Config } from '../config.ts';
import type { Load } from '../http/exchange.ts';
import type { Ops } from '../http/ops.ts';
import type { Core } from './compose.ts';
import type { Readiness } from './readiness.ts';

export function composeOps(
  _config: Config,
  _core: Core,
  _load: Load,
  readiness: Readiness,
  _version: string,
): Ops {
  return {
    health: async () => ({ serving: true, body: {} }),
    notReady: () => readiness.reason,
    metrics: async () => ({ contentType: 'text/plain', text: '' }),
    stats: async () => ({}),
  };
}
