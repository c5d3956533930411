import { readdirSync, readFileSync } from 'node:fs';
import type { Scenario } from './scenario.ts';

const FOLDER = new URL('../../../clients/conformance/scenarios/', import.meta.url);

/** All scenarios, in the order of their file names. */
export const SCENARIOS: readonly Scenario[] = readdirSync(FOLDER)
  .sort()
  .flatMap((name) => JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')));
