/** Checks the licenses of the packages that ship, by package-lock.json. */

/** Licenses without a condition on programs that contain the package, other than to name it. */
const ALLOWED: ReadonlySet<string> = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'ISC',
  'MIT',
  'Zlib',
]);

/** The part of package-lock.json that the check reads. */
export interface Lock {
  readonly packages: Readonly<Record<string, { readonly license?: string; readonly dev?: boolean }>>;
}

/** Every package that ships with another license or with none, one line each. */
export function licenseFaults({ packages }: Lock): string[] {
  return Object.entries(packages)
    .filter(([path, { dev, license }]) => path !== '' && !dev && !isAllowed(license))
    .map(([path, { license }]) => `${path.replace(/.*node_modules\//, '')}: ${license ?? 'no license'}`);
}

/** An SPDX expression of one operator: all parts of an AND must be allowed, one part of an OR. */
function isAllowed(license = ''): boolean {
  const text = license.replace(/^\((.*)\)$/, '$1');
  if (text.includes(' OR ')) return text.split(' OR ').some((part) => ALLOWED.has(part));
  return text.split(' AND ').every((part) => ALLOWED.has(part));
}
