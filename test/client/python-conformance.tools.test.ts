/** The scenarios of `clients/conformance`, with the Python client. It needs Python with the package `websockets`. */
import { after, before, test } from 'node:test';
import { play } from '../support/conformance/play.ts';
import { ProcessRunner } from '../support/conformance/process-runner.ts';
import { SCENARIOS } from '../support/conformance/scenarios.ts';
import { PYTHON, pythonEnv } from './python.ts';

const PROGRAM = new URL('../../clients/python/conformance.py', import.meta.url).pathname;

let runner: ProcessRunner;

before(() => {
  runner = new ProcessRunner(PYTHON, [PROGRAM], pythonEnv());
});

after(() => runner.end());

for (const scenario of SCENARIOS) test(`Python: ${scenario.name}`, () => play(scenario, runner));
