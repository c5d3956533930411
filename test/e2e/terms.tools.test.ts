/** The table of docs/api/terms.md with the Python client. It needs Python with the package `websockets`. */
import { after, before, test } from 'node:test';
import { PYTHON, pythonEnv } from '../client/python.ts';
import { ProcessRunner } from '../support/conformance/process-runner.ts';
import { assertOutcome, membersOf, openStage, rows, type Stage } from '../support/terms-table.ts';

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
  test(`Python: a value ${row.state} with the terms "${row.terms}" is ${row.answer}`, async () => {
    const { service, key } = await stage.prepare(row.state);
    const addresses = [service.url.replace('http', 'ws')];
    await runner.run({ do: 'connect', addresses, options: { timeoutMs: 30_000 }, tokenIn: 'header' });
    const [{ status, code, age }] = await runner.run({ do: 'getMany', keys: [key], ...membersOf(row.terms) });
    assertOutcome(row, code === 'terms_not_met' ? { status: code, age: age && age / 1000 } : { status });
    await runner.run({ do: 'close' });
  });
