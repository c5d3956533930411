/** The table of docs/api/quality.md with the Python client. It needs Python with the package `websockets`. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { PYTHON, pythonEnv } from '../client/python.ts';
import { ProcessRunner } from '../support/conformance/process-runner.ts';
import { expectedOf, membersOf, openStage, outcomeOf, rows, type Stage } from '../support/quality-table.ts';

const PROGRAM = new URL('../../clients/python/conformance.py', import.meta.url).pathname;

let stage: Stage;
let runner: ProcessRunner;

before(async () => {
  runner = new ProcessRunner(PYTHON, [PROGRAM], pythonEnv());
  stage = await openStage();
});

after(async () => {
  await runner.end();
  await stage?.stop();
});

for (const row of rows())
  test(`Python: a key that is ${row.state}, read with "${row.wish}", is answered: ${row.answer}`, async () => {
    const key = await stage.prepare(row.state);
    const addresses = [stage.service.url.replace('http', 'ws')];
    const options = { timeoutMs: 30_000, nearCache: {} };
    await runner.run({ do: 'connect', addresses, options, tokenIn: 'header' });
    const [result] = await runner.run({ do: 'getMany', keys: [key], ...membersOf(row.wish) });
    assert.deepEqual(outcomeOf(result), expectedOf(row));
    await runner.run({ do: 'close' });
  });
