/** `make build`: the single binary dist/ratecache, its bill of materials, and the checksums of both. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { buildBinary } from './binary.ts';
import { DIST } from './paths.ts';
import { sbomText } from './sbom.ts';

const BINARY = 'ratecache';
const SBOM = 'ratecache.cdx.json';

try {
  mkdirSync(DIST, { recursive: true });
  const [sbom] = await Promise.all([sbomText(), buildBinary(`${DIST}${BINARY}`, 'snapshot')]);
  writeFileSync(`${DIST}${SBOM}`, sbom);
  writeFileSync(`${DIST}SHA256SUMS`, [BINARY, SBOM].map(sumLine).join(''));
  console.log(`dist/${BINARY}: ${Math.round(statSync(`${DIST}${BINARY}`).size / 1e6)} MB`);
} catch (error) {
  console.error(`the binary was not built: ${(error as Error).message}`);
  process.exitCode = 1;
}

/** A line for `sha256sum --check`. */
function sumLine(name: string): string {
  const sum = createHash('sha256')
    .update(readFileSync(`${DIST}${name}`))
    .digest('hex');
  return `${sum}  ${name}\n`;
}
