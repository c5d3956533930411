import { type TypeIndex, typeOf } from '../../key.ts';

/**
 * One part of a key between two colons. A placeholder stands for any part that is not empty. The last part may be the
 * rest of the key: at least one more part, whatever it contains.
 */
export type Part =
  | { readonly is: 'text'; readonly text: string }
  | { readonly is: 'placeholder'; readonly name: string }
  | { readonly is: 'rest' };

export interface Template {
  /** The template as it was written. */
  readonly text: string;
  /** The type of its keys. */
  readonly type: TypeIndex;
  readonly parts: readonly Part[];
}

/** Keys of the form `dependent` depend on the keys of the forms `inputs` with the same values of the placeholders. */
export interface Rule {
  readonly dependent: Template;
  readonly inputs: readonly Template[];
}

/** Why rules are not valid. The message completes the sentence "expected …". */
export class RuleFault extends Error {}

/** The most parts of a template. */
export const MOST_PARTS = 16;

/** The text of no rules. An empty variable has its default, so it cannot say this. */
export const NO_RULES = 'none';

/** The types of the runbook. */
export const DEFAULT_RULES =
  'calculation:{ticker}:{client_id}:*=' +
  'borrow_rate:{ticker},volatility:{ticker},event_risk:{ticker},broker_config:{client_id}';

const TEXT = /^[^{}*=,;:\s]+$/;
const PLACEHOLDER = /^\{([A-Za-z_]\w*)\}$/;

/**
 * Parses rules: `dependent=input,input;dependent=input`. A template is parts that colons separate, for example
 * `calculation:{ticker}:{client_id}:*`.
 * @throws RuleFault
 */
export function parseRules(text: string): Rule[] {
  if (text.trim() === NO_RULES) return [];
  const rules = text.split(';').map((each) => parseRule(each.trim()));
  const dependents = new Map(rules.map(({ dependent }) => [headOf(dependent), dependent]));
  if (dependents.size < rules.length)
    throw new RuleFault('one rule for each type of dependent; list all inputs of a type in one rule');
  for (const { inputs } of rules)
    for (const input of inputs)
      if (dependents.has(headOf(input)))
        throw new RuleFault(
          `inputs that do not depend on others; ${input.text} has the type of a dependent, ${headOf(input)}`,
        );
  return rules;
}

function parseRule(text: string): Rule {
  const [left, right, ...more] = text.split('=');
  if (left === undefined || right === undefined || more.length > 0)
    throw new RuleFault(`dependent=input,input in place of ${JSON.stringify(text)}, or ${NO_RULES}`);
  const dependent = parseTemplate(left.trim(), true);
  const inputs = right.split(',').map((each) => parseTemplate(each.trim(), false));
  const known = new Set(placeholdersOf(dependent));
  for (const input of inputs)
    for (const name of placeholdersOf(input))
      if (!known.has(name))
        throw new RuleFault(
          `placeholders of ${dependent.text} in its inputs; ${input.text} has {${name}}, which it lacks`,
        );
  return { dependent, inputs };
}

function parseTemplate(text: string, mayHaveRest: boolean): Template {
  const words = text.split(':');
  const parts = words.map((word, i): Part => {
    const name = PLACEHOLDER.exec(word)?.[1];
    if (i > 0 && name !== undefined) return { is: 'placeholder', name };
    if (mayHaveRest && i > 0 && i === words.length - 1 && word === '*') return { is: 'rest' };
    if (TEXT.test(word)) return { is: 'text', text: word };
    throw new RuleFault(
      `a template such as borrow_rate:{ticker} in place of ${JSON.stringify(text)}: a type, then texts or {placeholders}` +
        (mayHaveRest ? ', and perhaps * at the end' : ''),
    );
  });
  if (parts.length < 2)
    throw new RuleFault(`a type and an id in ${JSON.stringify(text)}, separated by a colon`);
  if (parts.length > MOST_PARTS)
    throw new RuleFault(`at most ${MOST_PARTS} parts in ${JSON.stringify(text)}`);
  const names = parts.flatMap((part) => (part.is === 'placeholder' ? [part.name] : []));
  if (new Set(names).size < names.length)
    throw new RuleFault(`each placeholder once in ${JSON.stringify(text)}`);
  return { text, type: typeOf(text), parts };
}

/** The names of the placeholders, in order. */
export function placeholdersOf({ parts }: Template): string[] {
  return parts.flatMap((part) => (part.is === 'placeholder' ? [part.name] : []));
}

/** The first part of a template, with which all its keys begin. */
export function headOf({ text }: Template): string {
  return text.slice(0, text.indexOf(':'));
}
