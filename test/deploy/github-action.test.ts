/** The action of deploy/github-action, with stand-ins for ratecache and for the command `gh` of GitHub. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

const ACTION = fileURLToPath(new URL('../../deploy/github-action/', import.meta.url));
const action = parse(readFileSync(join(ACTION, 'action.yml'), 'utf8'));

let dir: string;
before(() => {
  dir = mkdtempSync(join(tmpdir(), 'ratecache-action-'));
  mkdirSync(join(dir, 'bin'));
  script(
    'ratecache',
    'echo "$NAME $*" >>calls; (printenv GITHUB_STEP_SUMMARY || echo none) >>summaries; exit $CODE',
  );
  script('gh', 'echo "$*" >>calls; if [[ $* == *--jq* ]]; then echo "$EXISTING"; fi');
});
after(() => rmSync(dir, { recursive: true, force: true }));

function script(name: string, text: string): void {
  writeFileSync(join(dir, 'bin', name), `#!/usr/bin/env bash\n${text}\n`);
  chmodSync(join(dir, 'bin', name), 0o755);
}

/** Runs the step of the action with its defaults, and returns its exit code and the calls of the stand-ins. */
async function step(at: number, env: Record<string, string>): Promise<{ code: number; calls: string[] }> {
  const { run, env: names } = action.runs.steps[at];
  const inputs = Object.fromEntries(
    Object.entries<string>(names).map(([variable, from]) => {
      const [, input] = /^\$\{\{ inputs\.([a-z-]+) \}\}$/.exec(from) ?? [];
      return [variable, input === undefined ? '' : String(action.inputs[input].default)];
    }),
  );
  writeFileSync(join(dir, 'calls'), '');
  writeFileSync(join(dir, 'summaries'), '');
  const code = await new Promise<number>((resolve) => {
    const all = {
      ...inputs,
      GITHUB_ACTION_PATH: ACTION.replace(/\/$/, ''),
      GITHUB_REPOSITORY: 'o/r',
      ...env,
    };
    const options = { cwd: dir, env: { PATH: `${join(dir, 'bin')}:${process.env.PATH}`, ...all } };
    execFile('bash', ['-c', run], options, (error) => resolve(error === null ? 0 : Number(error.code)));
  });
  return { code, calls: readFileSync(join(dir, 'calls'), 'utf8').trim().split('\n') };
}

const LOAD = 'load smoke read-heavy quote miss-storm websocket --seconds 5 --retries 2 --out ratecache-load';

test('without a baseline the action runs the gate once', async () => {
  assert.deepEqual(await step(0, { NAME: 'after' }), { code: 0, calls: [`after ${LOAD}`] });
});

test('the program before the change runs first, does not fail the job, and is compared with', async () => {
  const env = {
    BASELINE_COMMAND: 'env NAME=before CODE=1 ratecache',
    NAME: 'after',
    GITHUB_STEP_SUMMARY: 'page',
  };
  assert.deepEqual(await step(0, env), {
    code: 0,
    calls: [`before ${LOAD}/before`, `after ${LOAD} --compare ratecache-load/before/results.json`],
  });
  assert.equal(readFileSync(join(dir, 'summaries'), 'utf8'), 'none\npage\n');
});

test('a failed gate fails the job, and so does a baseline that cannot be measured', async () => {
  assert.equal((await step(0, { CODE: '1' })).code, 1);
  const { code, calls } = await step(0, { BASELINE_COMMAND: 'env CODE=2 ratecache' });
  assert.deepEqual([code === 0, calls.length], [false, 1]);
});

test('the comment has the results and the comparison, and a later run replaces it', async () => {
  mkdirSync(join(dir, 'ratecache-load'), { recursive: true });
  writeFileSync(join(dir, 'ratecache-load', 'summary.md'), '## Load\n');
  writeFileSync(join(dir, 'ratecache-load', 'comparison.md'), '## Comparison: no regression\n');
  const env = { PULL_REQUEST: '7' };
  const first = await step(1, { ...env, EXISTING: '' });
  assert.deepEqual([first.code, first.calls.length], [0, 2]);
  assert.match(
    first.calls[1]!,
    /--method POST repos\/o\/r\/issues\/7\/comments -F body=@ratecache-load\/comment\.md/,
  );
  assert.equal(
    readFileSync(join(dir, 'ratecache-load', 'comment.md'), 'utf8'),
    '<!-- ratecache load -->\n## Load\n## Comparison: no regression\n',
  );
  const { calls } = await step(1, { ...env, EXISTING: '42' });
  assert.match(calls[1]!, /--method PATCH repos\/o\/r\/issues\/comments\/42 /);
});

test('the workflow of the document uses inputs that the action has', () => {
  const document = readFileSync(new URL('../../docs/load.md', import.meta.url), 'utf8');
  const { on, jobs } = parse(/```yaml\n([\s\S]*?)```/.exec(document)![1]!);
  assert.ok('workflow_call' in on);
  const { with: inputs } = jobs.gate.steps.find(({ uses }: { uses?: string }) =>
    uses?.endsWith('deploy/github-action'),
  );
  for (const name of Object.keys(inputs)) assert.ok(name in action.inputs, name);
  assert.equal(jobs.gate.permissions['pull-requests'], 'write');
});
