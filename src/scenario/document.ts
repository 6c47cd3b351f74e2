import {
  findNodeAtLocation,
  parseTree,
  printParseErrorCode,
  getNodeValue,
  type Node,
  type ParseError,
} from 'jsonc-parser';
import { bad, good, type Checked, type Location } from './problem.js';

export type Path = readonly (string | number)[];

/** A JSON text with the position of everything in it. */
export class JsonDocument {
  readonly source: string;
  readonly value: unknown;
  readonly #text: string;
  readonly #root: Node;

  private constructor(source: string, text: string, root: Node) {
    this.source = source;
    this.value = getNodeValue(root);
    this.#text = text;
    this.#root = root;
  }

  /** Parses strict JSON; `source` is the file's name in messages. A byte order mark in front of it is let pass. */
  static parse(source: string, marked: string): Checked<JsonDocument> {
    const text = marked.startsWith(BYTE_ORDER_MARK) ? marked.slice(1) : marked;
    if (UNDECODED.test(text)) {
      const hint = 'save the file as UTF-8; JSON in UTF-16 is not read';
      return bad({ at: { source, line: 1, column: 1 }, message: 'is not UTF-8 text', hint });
    }
    const errors: ParseError[] = [];
    const root = parseTree(text, errors, {
      disallowComments: true,
      allowTrailingComma: false,
      allowEmptyContent: false,
    });
    if (root === undefined || errors.length > 0) return bad(syntaxProblem(source, text, errors));
    const twice = duplicateKey(root);
    if (twice !== undefined) {
      return bad({
        at: { source, ...position(text, twice.offset) },
        message: `key "${String(twice.value)}" appears twice`,
        hint: 'remove one of them',
      });
    }
    return good(new JsonDocument(source, text, root));
  }

  /** Where the value at `path` begins, or the innermost thing around it that exists. */
  locate(path: Path): Location {
    return this.#at(this.#innermost(path));
  }

  /** Where the key at the end of `path` stands. */
  locateKey(path: Path): Location {
    const node = this.#innermost(path);
    return this.#at(node.parent?.type === 'property' ? (node.parent.children?.[0] ?? node) : node);
  }

  #innermost(path: Path): Node {
    for (let length = path.length; length > 0; length--) {
      const node = findNodeAtLocation(this.#root, path.slice(0, length));
      if (node !== undefined) return node;
    }
    return this.#root;
  }

  #at(node: Node): Location {
    return { source: this.source, ...position(this.#text, node.offset) };
  }
}

const BYTE_ORDER_MARK = '\ufeff';

/** What is left of a first character that was no UTF-8. */
const UNDECODED = /^(?:\ufffd|.?\0)/;

/** Line and column of an offset, from 1. */
function position(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset);
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') };
}

function syntaxProblem(source: string, text: string, errors: readonly ParseError[]) {
  const error = errors.at(0);
  const offset = error?.offset ?? 0;
  const ended = text.slice(offset).trim() === '';
  const what = error === undefined ? 'ValueExpected' : printParseErrorCode(error.error);
  return {
    at: { source, ...position(text, offset) },
    message: ended ? `JSON ends too early (${spaced(what)})` : `not valid JSON: ${spaced(what)}`,
    hint: ended
      ? 'the file is truncated or a closing bracket is missing'
      : (SYNTAX_HINTS[what] ?? 'check the text here'),
  };
}

const SYNTAX_HINTS: Readonly<Record<string, string>> = {
  InvalidCommentToken: 'comments are not allowed; use "description"',
  PropertyNameExpected: 'a comma too many, or a key without double quotes',
  CommaExpected: 'put a comma between two entries',
  InvalidSymbol: 'texts need double quotes; numbers are decimal, without NaN or Infinity',
  ValueExpected: 'a comma too many, or a value is missing',
  UnexpectedEndOfString: 'a double quote is missing, or the file is truncated',
  EndOfFileExpected: 'a file holds one value; remove what follows it',
};

/** `CommaExpected` -> `comma expected` */
function spaced(code: string): string {
  return code.replace(/(?<=[a-z])(?=[A-Z])/g, ' ').toLowerCase();
}

/** The key node of the first property that repeats an earlier key of its object. */
function duplicateKey(node: Node): Node | undefined {
  const seen = new Set<unknown>();
  for (const child of node.children ?? []) {
    const key = child.type === 'property' ? child.children?.[0] : undefined;
    if (key !== undefined && seen.has(key.value)) return key;
    if (key !== undefined) seen.add(key.value);
    const inner = duplicateKey(child);
    if (inner !== undefined) return inner;
  }
  return undefined;
}
