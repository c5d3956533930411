/** docs/openapi.yaml, as something that requests and answers are held against. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { default as addFormats } from 'ajv-formats';
import { Unpackr } from 'msgpackr';
import { parse } from 'yaml';
import type { RawResponse } from '../../loadtest/support/raw-http.ts';

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly enum?: readonly string[];
  readonly const?: string;
}
interface Ref {
  readonly $ref?: string;
}
interface Shown extends Ref {
  readonly schema: Schema;
  readonly example?: unknown;
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>;
}
interface Header extends Shown {
  readonly required?: boolean;
}
interface Parameter extends Header {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
}
type Content = Readonly<Record<string, Shown>>;
interface Answer extends Ref {
  readonly headers?: Readonly<Record<string, Header>>;
  readonly content?: Content;
}
export interface Operation {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, Answer>>;
}
type PathItem = Readonly<Record<string, Operation>> & { readonly parameters?: readonly Parameter[] };
interface Document {
  readonly info: { readonly version: string };
  readonly paths: Readonly<Record<string, PathItem>>;
  readonly components: { readonly schemas: { readonly Code: { readonly enum: readonly string[] } } };
}

/** The parts of a request other than method and path. */
export interface Sent {
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

const METHODS = ['get', 'head', 'put', 'post', 'delete'];
const PROBLEM = 'application/problem+json';
/** What HTTP itself has in any message. */
const OF_HTTP = new Set([
  'connection',
  'content-length',
  'content-type',
  'date',
  'keep-alive',
  'uwebsockets',
  'x-content-type-options',
]);

const unpackr = new Unpackr({ useRecords: false, int64AsType: 'number' });

export class Contract {
  readonly document: Document;
  /** By `GET /path`. */
  readonly operations = new Map<string, Operation>();
  /** What has been seen of what is documented. */
  readonly #seen = new Set<string>();
  readonly #bodies = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false });
  /** A header or a parameter is always text. */
  readonly #texts = new Ajv2020({ strict: true, strictTypes: false, coerceTypes: 'array' });
  readonly #validators = new Map<string, ValidateFunction>();

  constructor(file: URL) {
    this.document = parse(readFileSync(file, 'utf8'));
    for (const ajv of [this.#bodies, this.#texts]) {
      addFormats.default(ajv);
      ajv.addSchema(linked({ $defs: this.document.components.schemas }), 'document');
    }
    for (const [path, item] of Object.entries(this.document.paths))
      for (const method of METHODS) {
        const operation = item[method];
        if (operation === undefined) continue;
        const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])];
        this.operations.set(`${method.toUpperCase()} ${path}`, { ...operation, parameters });
      }
  }

  /**
   * Holds a request and its answer against the document, and says what the answer was: its status, and the code
   * that a problem has. A request that was taken must have been a documented one.
   */
  check(id: string, sent: Sent, answer: RawResponse): string {
    const operation = this.operations.get(id)!;
    const status = String(answer.status);
    const documented = operation.responses[status];
    assert.ok(documented !== undefined, `${id} answered ${status}: ${answer.body}`);
    const response = this.#resolve(documented);
    const place = `${id} ${status}`;
    if (answer.status < 400) this.#checkRequest(id, operation, sent);
    this.#checkHeaders(place, response, answer);
    const code = this.#checkBody(place, response, answer);
    const outcome = code === undefined ? status : `${status} ${code}`;
    this.#seen.add(`${id} ${outcome}`);
    return outcome;
  }

  /** What is documented and was never seen. */
  unseen(): string[] {
    const all = [...this.operations].flatMap(([id, operation]) => this.#documented(id, operation));
    assert.ok(all.length > 100);
    return all.filter((each) => !this.#seen.has(each));
  }

  /** The outcomes of the operation, as `check` returns them. */
  outcomes(id: string): string[] {
    const { responses } = this.operations.get(id)!;
    return Object.entries(responses).flatMap(([status, ref]) => {
      const problem = this.#resolve(ref).content?.[PROBLEM];
      if (problem === undefined || id.startsWith('HEAD ')) return [status];
      const code = problem.schema.properties?.code;
      const codes = code?.enum ?? [code?.const];
      return codes.map((each) => `${status} ${each}`);
    });
  }

  /** Every example of the document, with what is wrong with it, and how many there are. */
  faultyExamples(): { faults: string[]; count: number } {
    const faults: string[] = [];
    let count = 0;
    const walk = (node: unknown, at: string): void => {
      if (typeof node !== 'object' || node === null) return;
      if ('schema' in node) {
        const { schema, example, examples = {} } = node as Shown;
        const values = Object.values(examples).map(({ value }) => value);
        for (const value of example === undefined ? values : [...values, example]) {
          count++;
          faults.push(...this.#faults(schema, value).map((fault) => `${at}: ${fault}`));
        }
      }
      for (const [name, child] of Object.entries(node)) walk(child, `${at}/${name}`);
    };
    walk(this.document, '');
    for (const [name, schema] of Object.entries(this.document.components.schemas)) {
      for (const value of (schema as { examples?: unknown[] }).examples ?? []) {
        count++;
        faults.push(...this.#faults(schema, value).map((fault) => `${name}: ${fault}`));
      }
    }
    return { faults, count };
  }

  #documented(id: string, { parameters, requestBody }: Operation): string[] {
    const { responses } = this.operations.get(id)!;
    return [
      ...this.outcomes(id).map((outcome) => `${id} ${outcome}`),
      ...(parameters ?? []).map((ref) => {
        const parameter = this.#resolve(ref);
        return `${id} parameter ${parameter.in} ${parameter.name.toLowerCase()}`;
      }),
      ...Object.keys(requestBody?.content ?? {}).map((type) => `${id} takes ${type}`),
      ...Object.entries(responses).flatMap(([status, ref]) => {
        const { headers = {}, content = {} } = this.#resolve(ref);
        return [
          ...Object.keys(headers).map((name) => `${id} ${status} header ${name.toLowerCase()}`),
          ...Object.keys(content).map((type) => `${id} ${status} as ${type}`),
        ];
      }),
    ];
  }

  #checkRequest(id: string, { parameters = [], requestBody }: Operation, sent: Sent): void {
    const values = { path: {}, query: sent.query ?? {}, header: lowered(sent.headers ?? {}) };
    const variable = /\{(\w+)\}/.exec(id)?.[1];
    if (sent.key !== undefined && variable !== undefined) values.path = { [variable]: sent.key };
    const known = new Set(['accept', 'content-type', 'connection']);
    for (const ref of parameters) {
      const parameter = this.#resolve(ref);
      const name = parameter.in === 'header' ? parameter.name.toLowerCase() : parameter.name;
      known.add(name);
      const value = (values[parameter.in] as Record<string, string>)[name];
      if (value === undefined) assert.ok(!parameter.required, `${id} without ${name}`);
      else {
        assert.deepEqual(this.#faults(parameter.schema, value, this.#texts), [], `${id}: ${name}`);
        this.#seen.add(`${id} parameter ${parameter.in} ${name.toLowerCase()}`);
      }
    }
    for (const name of [...Object.keys(values.query), ...Object.keys(values.header)])
      assert.ok(known.has(name), `${id} knows no ${name}`);
    if (sent.body === undefined) return;
    const type = values.header['content-type'] ?? 'application/json';
    const media = requestBody?.content[type];
    assert.ok(media !== undefined, `${id} takes no ${type}`);
    const value = decode(type, Buffer.from(sent.body));
    assert.deepEqual(this.#faults(media.schema, value), [], `${id}: the body sent`);
    this.#seen.add(`${id} takes ${type}`);
  }

  #checkHeaders(place: string, { headers = {} }: Answer, answer: RawResponse): void {
    for (const [name, ref] of Object.entries(headers)) {
      const { schema, required } = this.#resolve(ref);
      const value = answer.headers[name.toLowerCase()];
      if (value === undefined) assert.ok(!required, `${place} without ${name}`);
      else {
        assert.deepEqual(this.#faults(schema, value, this.#texts), [], `${place}: ${name}: ${value}`);
        this.#seen.add(`${place} header ${name.toLowerCase()}`);
      }
    }
    const documented = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
    for (const name of Object.keys(answer.headers))
      assert.ok(documented.has(name) || OF_HTTP.has(name), `${place} has ${name}`);
  }

  /** Gives the code of a problem. */
  #checkBody(place: string, { content }: Answer, answer: RawResponse): string | undefined {
    const { status, headers } = answer;
    const body =
      headers['content-encoding'] === 'gzip' && answer.body.length > 0
        ? gunzipSync(answer.body)
        : answer.body;
    const type = headers['content-type']?.split(';')[0];
    if (status === 304) assert.equal(body.length, 0, place);
    else if (content === undefined) assert.equal(type, undefined, place);
    if (content === undefined) return undefined;
    const media = content[type ?? ''];
    assert.ok(media !== undefined, `${place} came as ${type}`);
    this.#seen.add(`${place} as ${type}`);
    if (place.startsWith('HEAD ')) return undefined;
    const value = decode(type!, body);
    assert.deepEqual(this.#faults(media.schema, value), [], `${place}: ${body}`);
    if (type !== PROBLEM) return undefined;
    const problem = value as { readonly status: number; readonly code: string };
    assert.equal(problem.status, status, place);
    return problem.code;
  }

  #faults(schema: unknown, value: unknown, ajv = this.#bodies): string[] {
    const key = `${ajv === this.#texts} ${JSON.stringify(schema)}`;
    // In an object, for only a member can be coerced.
    const validate =
      this.#validators.get(key) ?? ajv.compile({ type: 'object', properties: { it: linked(schema) } });
    this.#validators.set(key, validate);
    validate({ it: value });
    return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
  }

  #resolve<T extends Ref>(node: T): T {
    if (node.$ref === undefined) return node;
    let found: unknown = this.document;
    for (const name of node.$ref.slice(2).split('/')) found = (found as Record<string, unknown>)[name];
    return this.#resolve(found as T);
  }
}

/** A schema with JSON Schema references: the validator does not support OpenAPI. */
function linked<T>(schema: T): T {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/components/schemas/', '"document#/$defs/'));
}

function lowered(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function decode(type: string, body: Buffer): unknown {
  if (/^text\/|-text$/.test(type)) return body.toString();
  return type.endsWith('json') ? JSON.parse(body.toString()) : unpackr.unpack(body);
}
