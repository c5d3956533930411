/** Elements with text. No function reads data as HTML. */
import { type Marked, marked, unmarked } from './bidi.ts';

export type Child = Node | string | undefined;
export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** Creates an element. An attribute that is `true` has no value; one that is `false` or undefined is absent. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) setAttribute(made, name, value);
  for (const child of children)
    if (typeof child === 'string') made.append(...nodesOf(child));
    else if (child !== undefined) made.append(child);
  return made;
}

export function setAttribute(
  target: Element,
  name: string,
  value: string | number | boolean | undefined,
): void {
  if (value === false || value === undefined) target.removeAttribute(name);
  else target.setAttribute(name, value === true ? '' : String(value));
}

/** A button that calls `press`. */
export function button(text: string, press: () => void, attributes: Attributes = {}): HTMLButtonElement {
  const made = element('button', { type: 'button', ...attributes }, text);
  made.addEventListener('click', press);
  return made;
}

/** The element of index.html with this id. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

/** Changes the text only if it differs, so that screen readers announce changes only. */
export function setText(target: Element, text: string): void {
  if (target.textContent !== unmarked(text)) target.replaceChildren(...nodesOf(text));
}

/** The text, with the parts that `bidi.ts` isolates as elements. */
function nodesOf(text: string): (Node | string)[] {
  const nodeOf = (part: string | Marked): Node | string => {
    if (typeof part === 'string') return part;
    const made = document.createElement('bdi');
    if (part.direction === 'ltr') made.dir = 'ltr';
    made.append(...part.parts.map(nodeOf));
    return made;
  };
  return marked(text).parts.map(nodeOf);
}

/** Shows one child for each item. Children stay in place, so the focus and the scroll position stay too. */
export function showItems<T, E extends Element>(
  parent: Element,
  items: readonly T[],
  create: () => E,
  update: (child: E, item: T) => void,
): void {
  while (parent.children.length > items.length) parent.lastElementChild!.remove();
  while (parent.children.length < items.length) parent.append(create());
  for (const [i, item] of items.entries()) update(parent.children[i] as E, item);
}

/** A table that scrolls inside its panel. */
export interface Table {
  readonly box: HTMLElement;
  readonly caption: HTMLElement;
  readonly body: HTMLTableSectionElement;
}

/** @param columns the headings; one that starts with `#` is for numbers */
export function table(caption: string, columns: readonly string[], className = ''): Table {
  const title = element('caption', {}, caption);
  const body = element('tbody');
  const headings = columns.map((name) =>
    name.startsWith('#')
      ? element('th', { scope: 'col', class: 'number' }, name.slice(1))
      : element('th', { scope: 'col' }, name),
  );
  const made = element('table', {}, title, element('thead', {}, element('tr', {}, ...headings)), body);
  const box = element(
    'div',
    { class: `scroll ${className}`, tabindex: 0, role: 'region', 'aria-label': caption },
    made,
  );
  return { box, caption: title, body };
}

/** A row of cells; the first one is its heading. */
export function row(columns: readonly string[]): HTMLTableRowElement {
  const cells = columns.map((name, i) =>
    i === 0
      ? element('th', { scope: 'row' })
      : element('td', name.startsWith('#') ? { class: 'number' } : {}),
  );
  return element('tr', {}, ...cells);
}

/** Announces a text to screen readers. */
export function announce(text: string): void {
  byId('announcer').replaceChildren(...nodesOf(text));
}
