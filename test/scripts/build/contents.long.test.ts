import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { type Spec, Validation } from '@cyclonedx/cyclonedx-library';
import packageJson from '../../../package.json' with { type: 'json' };
import { productionPackages } from '../../../scripts/build/dependencies.ts';
import { licensesText } from '../../../scripts/build/licenses.ts';
import { NATIVE_PARTS } from '../../../scripts/build/native-parts.ts';
import { sbomText } from '../../../scripts/build/sbom.ts';

const needed = [...productionPackages()];
let licenses: string;
let sbom: string;

before(async () => {
  [licenses, sbom] = await Promise.all([licensesText(), sbomText()]);
});

test('the needed packages are all dependencies with their own, and no development dependency', () => {
  const direct = Object.entries(packageJson.dependencies).map(([name, version]) =>
    version.startsWith('npm:') ? version.slice('npm:'.length) : `${name}@${version}`,
  );
  assert.deepEqual(
    direct.filter((name) => !needed.includes(name)),
    [],
  );
  assert.ok(needed.some((name) => name.startsWith('sonic-boom@')));
  for (const name of Object.keys(packageJson.devDependencies))
    assert.ok(!needed.some((each) => each.startsWith(`${name}@`)), name);
});

test('the license of every needed package is listed under its name and version', () => {
  const lines = new Set(licenses.split('\n'));
  assert.deepEqual(
    needed.filter((name) => !lines.has(name)),
    [],
  );
});

test('the licenses of ratecache, Node and the native parts of uWebSockets.js are listed', () => {
  assert.match(licenses, /^ratecache\n\nMIT License$/m);
  for (const { name, version, license } of NATIVE_PARTS)
    assert.ok(
      licenses.includes(`\n${version === undefined ? name : `${name} ${version}`} (${license})\n`),
      name,
    );
  assert.match(licenses, /Apache License\n\s+Version 2\.0/);
  assert.match(licenses, /Node\.js is licensed for use as follows/);
});

test('the bill of materials is valid CycloneDX, and lists every needed package', async () => {
  const { components, metadata, specVersion } = JSON.parse(sbom);
  assert.equal(await new Validation.JsonStrictValidator(specVersion as Spec.Version).validate(sbom), null);
  assert.equal(metadata.component.name, 'ratecache');
  const listed = new Set(
    components.map(
      ({ group, name, version }: Record<string, string>) => `${group ? `${group}/` : ''}${name}@${version}`,
    ),
  );
  assert.deepEqual(
    needed.filter((name) => !listed.has(name)),
    [],
  );
  for (const { name } of NATIVE_PARTS)
    assert.ok(
      components.some((each: { name: string }) => each.name === name),
      name,
    );
});
