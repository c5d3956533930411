import assert from 'node:assert/strict';

export type Element = { readonly name: string; readonly attributes: Readonly<Record<string, string>> };

const TOKEN =
  /<\?xml[^>]*\?>|<!\[CDATA\[[\s\S]*?\]\]>|<(?<close>\/)?(?<name>[\w-]+)(?<attributes>(?:\s+[\w-]+="[^"<]*")*)\s*(?<empty>\/)?>|[^<]+/y;
const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

/** The elements of an XML text in order, as far as JUnit needs. Fails a test if the text is not well-formed. */
export function elementsOf(xml: string): Element[] {
  const found: Element[] = [];
  const open: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < xml.length) {
    const at = TOKEN.lastIndex;
    const token = TOKEN.exec(xml);
    assert.ok(token, `not XML at: ${xml.slice(at, at + 80)}`);
    const { close, name, attributes, empty } = token.groups!;
    if (name === undefined) continue;
    if (close !== undefined) {
      assert.equal(name, open.pop(), 'closes what was not open');
      continue;
    }
    const pairs = [...attributes!.matchAll(/([\w-]+)="([^"]*)"/g)];
    found.push({
      name,
      attributes: Object.fromEntries(pairs.map(([, key, value]) => [key, decoded(value!)])),
    });
    if (empty === undefined) open.push(name);
  }
  assert.deepEqual(open, [], 'left open');
  return found;
}

function decoded(text: string): string {
  return text.replace(/&(?:#x([0-9A-Fa-f]+)|#(\d+)|(\w+));/g, (_, hex, decimal, name) => {
    if (name !== undefined) return ENTITIES[name] ?? assert.fail(`no such entity: ${name}`);
    return String.fromCodePoint(hex ? Number.parseInt(hex, 16) : Number(decimal));
  });
}
