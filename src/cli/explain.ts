/** `ratecache explain`: shows one key in each tier of every replica. */
import type { Explanation } from '../service/explain.ts';
import { explanationText } from './explain-text.ts';
import { type OutputOptions, type ServiceOptions, wantsJson } from './flags.ts';
import { ask } from './snapshot.ts';

export interface ExplainOptions extends ServiceOptions, OutputOptions {}

const NARROWEST = 60;

export async function explain(key: string, options: ExplainOptions): Promise<void> {
  const { body, text } = await ask(options, `/v1/explain/${encodeURIComponent(key)}`);
  if (wantsJson(options)) return void process.stdout.write(`${text}\n`);
  const columns = Math.max(NARROWEST, process.stdout.columns ?? 80);
  process.stdout.write(`${explanationText(body as Explanation, columns).join('\n')}\n`);
}
