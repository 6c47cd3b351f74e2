/** The command has of iced-x86 what it uses, and all of that: tools/iced-module.js. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const SCRIPTS = scriptsOf('build/command');

describe('iced-x86 in the command', () => {
  it('exports the WebAssembly functions that scripts call, and no other', () => {
    const called = new Set([...SCRIPTS.join('\n').matchAll(/\bwasm\.(\w+)/g)].map(([, name]) => name));
    const all = exportsOf('node_modules/iced-x86/iced_x86_bg.wasm');
    const exported = exportsOf('build/command/iced_x86_bg.wasm');
    expect(exported.length).toBeLessThan(all.length / 2);
    expect(exported).toEqual(all.filter((name) => called.has(name)));
  });

  it('has the tables of the decoder from the start', () => {
    expect(changedByDecoder('node_modules/iced-x86/iced_x86_bg.wasm')).toBeGreaterThan(100_000);
    expect(changedByDecoder('build/command/iced_x86_bg.wasm')).toBeLessThan(1000);
  });

  it('has room in its memory for what decoding allocates: one that grows makes typed arrays slower', () => {
    expect(growsForDecoding('node_modules/iced-x86/iced_x86_bg.wasm')).toBe(true);
    expect(growsForDecoding('build/command/iced_x86_bg.wasm')).toBe(false);
  });

  it('is asked for the names of mnemonics and the numbers of encodings, for nothing else of them', () => {
    const users = scriptsOf('dist').filter((script) => script.includes("from 'iced-x86'"));
    expect(users.length).toBeGreaterThan(10);
    const uses = users.flatMap((script) => script.match(/(?<![\w$.'])(?:Code|Mnemonic)(?:\.\w+|\[\w+\])/g) ?? []);
    expect([...new Set(uses)].sort()).toEqual(['Code[name]', 'Mnemonic[mnemonic]']);
  });
});

/** Its functions, and its memory. */
function instance(file: string): {
  readonly iced: Readonly<Record<string, (...of: readonly number[]) => number>>;
  readonly memory: WebAssembly.Memory;
} {
  const module = new WebAssembly.Module(readFileSync(file));
  const hooks = new Proxy({}, { get: () => () => 0 });
  const { exports } = new WebAssembly.Instance(module, { __wbindgen_placeholder__: hooks });
  const iced = exports as Readonly<Record<string, unknown>> as ReturnType<typeof instance>['iced'];
  return { iced, memory: exports['memory'] as WebAssembly.Memory };
}

function growsForDecoding(file: string): boolean {
  const { iced, memory } = instance(file);
  const { buffer } = memory;
  iced['__wbindgen_malloc'](1 << 19, 1);
  return memory.buffer !== buffer;
}

/** Bytes of its memory that are others when it has made a decoder. */
function changedByDecoder(file: string): number {
  const { iced, memory } = instance(file);
  const before = new Uint8Array(memory.buffer.slice(0));
  const result = iced['__wbindgen_add_to_stack_pointer'](-16);
  iced['decoder_new'](result, 64, iced['__wbindgen_malloc'](1, 1), 1, 0);
  return new Uint8Array(memory.buffer).reduce((sum, byte, at) => (byte === (before[at] ?? 0) ? sum : sum + 1), 0);
}

function exportsOf(file: string): string[] {
  const exported = WebAssembly.Module.exports(new WebAssembly.Module(readFileSync(file)));
  return exported.map(({ name }) => name).sort();
}

/** The texts of the scripts in a folder and those in it. */
function scriptsOf(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.js'));
  return names.filter((name) => !name.includes('code-v')).map((name) => readFileSync(`${folder}/${name}`, 'utf8'));
}
