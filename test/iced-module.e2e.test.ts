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

  it('is asked for the names of mnemonics and the numbers of encodings, for nothing else of them', () => {
    const users = scriptsOf('dist').filter((script) => script.includes("from 'iced-x86'"));
    expect(users.length).toBeGreaterThan(10);
    const uses = users.flatMap((script) => script.match(/(?<![\w$.'])(?:Code|Mnemonic)(?:\.\w+|\[\w+\])/g) ?? []);
    expect([...new Set(uses)].sort()).toEqual(['Code[name]', 'Mnemonic[mnemonic]']);
  });
});

function exportsOf(file: string): string[] {
  const exported = WebAssembly.Module.exports(new WebAssembly.Module(readFileSync(file)));
  return exported.map(({ name }) => name).sort();
}

/** The texts of the scripts in a folder and those in it. */
function scriptsOf(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.js'));
  return names.filter((name) => !name.includes('code-v')).map((name) => readFileSync(`${folder}/${name}`, 'utf8'));
}
