/** The action of deploy/github-action, with stand-ins for ratecache and for the command `gh` of GitHub. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { PROFILES } from '../../loadtest/profiles/index.ts';

const ACTION = fileURLToPath(new URL('../../deploy/github-action/', import.meta.url));
const LOAD_DOCUMENT = readFileSync(new URL('../../docs/load.md', import.meta.url), 'utf8');
const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const action = parse(readFileSync(join(ACTION, 'action.yml'), 'utf8'));

let dir: string;
before(() => {
  dir = mkdtempSync(join(tmpdir(), 'ratecache-action-'));
  mkdirSync(join(dir, 'bin'));
  script(
    'ratecache',
    `if [[ $* == load ]]; then node "${MAIN}" load | grep -v "^\${UNKNOWN:-none}"; exit "\${LIST_CODE:-0}"; fi
    echo "$NAME $*" >>calls; (printenv GITHUB_STEP_SUMMARY || echo none) >>summaries; exit $CODE`,
  );
  script('gh', 'echo "$*" >>calls; if [[ $* == *--jq* ]]; then echo "$EXISTING"; fi');
});
after(() => rmSync(dir, { recursive: true, force: true }));

function script(name: string, text: string): void {
  writeFileSync(join(dir, 'bin', name), `#!/usr/bin/env bash\n${text}\n`);
  chmodSync(join(dir, 'bin', name), 0o755);
}

interface Step {
  readonly code: number;
  /** Of the stand-ins, except the list of profiles, which is that of the real program without `UNKNOWN`. */
  readonly calls: string[];
  readonly stdout: string;
}

/** Runs the step of the action with its defaults. */
async function step(at: number, env: Record<string, string>): Promise<Step> {
  const { run, env: names } = action.runs.steps[at];
  const inputs = Object.fromEntries(
    Object.entries<string>(names).map(([variable, from]) => {
      const [, input] = /^\$\{\{ inputs\.([a-z-]+) \}\}$/.exec(from) ?? [];
      return [variable, input === undefined ? '' : String(action.inputs[input].default)];
    }),
  );
  writeFileSync(join(dir, 'calls'), '');
  writeFileSync(join(dir, 'summaries'), '');
  const { code, stdout } = await new Promise<Pick<Step, 'code' | 'stdout'>>((resolve) => {
    const all = {
      ...inputs,
      GITHUB_ACTION_PATH: ACTION.replace(/\/$/, ''),
      GITHUB_REPOSITORY: 'o/r',
      ...env,
    };
    const options = { cwd: dir, env: { PATH: `${join(dir, 'bin')}:${process.env.PATH}`, ...all } };
    execFile('bash', ['-c', run], options, (error, stdout) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout }),
    );
  });
  return { code, stdout, calls: readFileSync(join(dir, 'calls'), 'utf8').trim().split('\n') };
}

const LOAD = 'load smoke read-heavy quote miss-storm websocket --retries 2 --out ratecache-load';

test('without a baseline the action runs the gate once', async () => {
  const { code, calls } = await step(0, { NAME: 'after' });
  assert.deepEqual([code, calls], [0, [`after ${LOAD}`]]);
});

test('the program before the change runs first, does not fail the job, and is compared with', async () => {
  const env = {
    BASELINE_COMMAND: 'env NAME=before CODE=1 ratecache',
    NAME: 'after',
    GITHUB_STEP_SUMMARY: 'page',
  };
  const { code, calls, stdout } = await step(0, env);
  assert.deepEqual(
    [code, calls, stdout],
    [0, [`before ${LOAD}/before`, `after ${LOAD} --compare ratecache-load/before/results.json`], ''],
  );
  assert.equal(readFileSync(join(dir, 'summaries'), 'utf8'), 'none\npage\n');
});

test('a failed gate fails the job, and so does a baseline that cannot be measured', async () => {
  assert.equal((await step(0, { CODE: '1' })).code, 1);
  for (const broken of ['CODE=2', 'CODE=64']) {
    const { code, calls, stdout } = await step(0, { BASELINE_COMMAND: `env ${broken} ratecache` });
    assert.deepEqual([`CODE=${code}`, calls.length], [broken, 1]);
    assert.match(stdout, /^::error::the baseline could not be measured/);
  }
  const { code, calls } = await step(0, { BASELINE_COMMAND: 'env LIST_CODE=2 ratecache' });
  assert.deepEqual([code, calls], [2, ['']]);
});

test('a profile that the program before does not know runs, but is not compared', async () => {
  const env = { BASELINE_COMMAND: 'env NAME=before UNKNOWN=quote ratecache', NAME: 'after' };
  const tail = '--retries 2 --out ratecache-load';
  const compared = `${tail} --compare ratecache-load/before/results.json`;
  const two = await step(0, { ...env, PROFILES: 'smoke quote own.toml' });
  assert.deepEqual(two.calls, [
    `before load smoke own.toml ${tail}/before`,
    `after load smoke quote own.toml ${compared}`,
  ]);
  assert.equal(two.stdout, '::notice::the profile quote is new, so it is not compared\n');
  const only = await step(0, { ...env, PROFILES: 'quote' });
  assert.deepEqual([only.code, only.calls], [0, [`after load quote ${tail}`]]);
  const every = await step(0, { ...env, PROFILES: 'all' });
  assert.deepEqual(every.calls, [`before load all ${tail}/before`, `after load all ${compared}`]);
});

test('the default profiles measure as long as the document says, and no default argument fits only some profiles', () => {
  const names: string[] = action.inputs.profiles.default.split(' ');
  const seconds = PROFILES.filter(({ name }) => names.includes(name)).map(({ load }) => load.seconds);
  const total = seconds.reduce((sum, each) => sum + each, 0);
  assert.ok(LOAD_DOCUMENT.includes(`The default profiles measure for ${total} s `));
  assert.equal(action.inputs.arguments.default, '--retries 2');
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
  const { on, jobs } = parse(/```yaml\n([\s\S]*?)```/.exec(LOAD_DOCUMENT)![1]!);
  assert.ok('workflow_call' in on);
  const { with: inputs } = jobs.gate.steps.find(({ uses }: { uses?: string }) =>
    uses?.endsWith('deploy/github-action'),
  );
  for (const name of Object.keys(inputs)) assert.ok(name in action.inputs, name);
  assert.equal(jobs.gate.permissions['pull-requests'], 'write');
});
