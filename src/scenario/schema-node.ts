import { z } from 'zod';
import type { Path } from './document.js';

/** The schema of what stands at `path`, looking through defaults, options and axes; undefined where nothing may stand. */
export function schemaAt(root: z.ZodType, path: Path): z.ZodType | undefined {
  let schema: z.ZodType | undefined = root;
  for (const step of path) schema = schema === undefined ? undefined : child(bare(schema), step);
  return schema;
}

/** Keys that an object schema knows; none for anything else. */
export function knownKeys(schema: z.ZodType | undefined): string[] {
  const object = schema === undefined ? undefined : bare(schema);
  if (object instanceof z.ZodRecord && object.keyType instanceof z.ZodEnum) return object.keyType.options.map(String);
  return object instanceof z.ZodObject ? Object.keys(object.shape) : [];
}

/** What a schema allows, in words: `"xapic" or "x2apic", or an array of these`. */
export function allowedText(schema: z.ZodType): string {
  return describe(z.toJSONSchema(schema, { io: 'input' }));
}

function bare(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional) {
    return bare(schema.unwrap() as z.ZodType);
  }
  return schema;
}

function child(schema: z.ZodType, step: string | number): z.ZodType | undefined {
  if (schema instanceof z.ZodObject) return (schema.shape as Record<string, z.ZodType | undefined>)[step];
  if (schema instanceof z.ZodRecord) return schema.valueType as z.ZodType;
  if (schema instanceof z.ZodTuple) return (schema.def.items as z.ZodType[])[Number(step)];
  if (schema instanceof z.ZodArray) return schema.element as z.ZodType;
  if (schema instanceof z.ZodUnion && typeof step === 'number') return (schema.options as z.ZodType[])[0];
  return undefined;
}

type JsonSchema = z.core.JSONSchema.JSONSchema;

function describe(schema: JsonSchema): string {
  if (schema.enum !== undefined) return alternatives(schema.enum.map((value) => JSON.stringify(value)));
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.anyOf !== undefined) return describeUnion(schema.anyOf);
  switch (schema.type) {
    case 'boolean':
      return 'true or false';
    case 'integer':
      return `a whole number${range(schema)}`;
    case 'number':
      return `a number${range(schema)}`;
    case 'string':
      return schema.pattern === undefined
        ? 'a text'
        : 'letters, digits, ".", "_" and "-", beginning with a letter or digit';
    case 'array':
      if (schema.prefixItems !== undefined)
        return `[${schema.prefixItems.map((item) => describe(item as JsonSchema)).join(', ')}]`;
      return `an array, each entry ${describe(schema.items as JsonSchema)}`;
    case 'null':
      return 'null';
    default:
      return 'an object';
  }
}

function describeUnion(options: readonly JsonSchema[]): string {
  const axis = options.length === 2 && options[1].type === 'array';
  return axis ? `${describe(options[0])}, or an array of these` : alternatives(options.map(describe));
}

function range({ minimum, maximum, exclusiveMinimum }: JsonSchema): string {
  if (exclusiveMinimum !== undefined) {
    return maximum === undefined ? ` above ${exclusiveMinimum}` : ` above ${exclusiveMinimum}, at most ${maximum}`;
  }
  if (minimum !== undefined && maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER)
    return ` from ${minimum} to ${maximum}`;
  return minimum === undefined || minimum <= Number.MIN_SAFE_INTEGER ? '' : ` of at least ${minimum}`;
}

function alternatives(texts: readonly string[]): string {
  const last = texts.at(-1) ?? '';
  return texts.length < 2 ? last : `${texts.slice(0, -1).join(', ')} or ${last}`;
}
