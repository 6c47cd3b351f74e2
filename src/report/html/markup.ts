/** HTML that needs no more escaping. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What a template takes: texts and numbers are escaped, markup is not, lists follow each other, null is nothing. */
export type Insert = string | number | Markup | null | readonly Insert[];

/** Makes markup from a template; whatever is put into it cannot leave its place. */
export function html(strings: TemplateStringsArray, ...inserts: readonly Insert[]): Markup {
  const parts = strings.map((text, index) => text.replace(INDENTATION, '\n') + inserted(inserts[index] ?? null));
  return new Markup(parts.join(''));
}

/** Of the template, not of what is put into it. */
const INDENTATION = /\n\s+/g;

function inserted(insert: Insert): string {
  if (insert === null) return '';
  if (insert instanceof Markup) return insert.text;
  if (typeof insert === 'object') return insert.map(inserted).join('\n');
  return escaped(String(insert));
}

/** Text as it stands in an element or in a quoted attribute. */
export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`).replace(UNSHOWABLE, '\ufffd');
}

/** Control characters that no HTML may hold. */
const UNSHOWABLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufffe\uffff]/g;
