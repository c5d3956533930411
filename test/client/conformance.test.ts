/** The scenarios of `clients/conformance`, with the TypeScript client. */
import { test } from 'node:test';
import { play } from '../support/conformance/play.ts';
import { SCENARIOS } from '../support/conformance/scenarios.ts';
import { TypeScriptRunner } from './conformance-runner.ts';

for (const scenario of SCENARIOS)
  test(`TypeScript: ${scenario.name}`, () => play(scenario, new TypeScriptRunner()));
