import { describe, expect, it } from 'vitest';
import { html, Markup } from './markup.js';

describe('html', () => {
  it('escapes texts, in elements and in attributes', () => {
    expect(html`<a title="${'"><script>'}">${"<b>&'"}</a>`.text).toBe(
      '<a title="&#34;&#62;&#60;script&#62;">&#60;b&#62;&#38;&#39;</a>',
    );
  });

  it('takes markup as it is, lists one after the other, and null as nothing', () => {
    expect(html`<p>${[html`<b>1</b>`, new Markup('<i>2</i>')]}${null}${3}</p>`.text).toBe('<p><b>1</b>\n<i>2</i>3</p>');
  });

  it('replaces what no HTML may hold', () => {
    expect(html`${'a\u0000\u001b[1mb\tc'}`.text).toBe('a\ufffd\ufffd[1mb\tc');
  });

  it('drops the indentation of the template, not that of what is put into it', () => {
    expect(html`<pre>  ${'x\n  y'}</pre>`.text).toContain('x\n  y');
  });
});
