/** One command of a `console` block, and the output that the page shows under it. */
export interface ConsoleCommand {
  readonly command: string;
  /** Lines as shown; `...` on a line of its own stands for any lines, inside a line for any text. */
  readonly output: readonly string[];
}

/** All commands in the `console` blocks of a Markdown page, block by block. */
export function consoleBlocks(markdown: string): ConsoleCommand[][] {
  return [...markdown.matchAll(/^```console\n(.*?)^```$/gms)].map(([, block]) => commandsOf(block));
}

function commandsOf(block: string): ConsoleCommand[] {
  return block
    .split(/^\$ /m)
    .slice(1)
    .map((text) => {
      const [command, ...output] = text.trimEnd().split('\n');
      return { command, output };
    });
}

/** Whether what a command printed is what the page shows. */
export function outputMatches(shown: readonly string[], printed: string): boolean {
  const pattern = shown.map((line) => (line === '...' ? '(?:.*\n)*?' : `${lineText(line)}\n`)).join('');
  return new RegExp(`^${pattern}$`).test(printed.trimEnd() === '' ? '' : `${printed.trimEnd()}\n`);
}

function lineText(line: string): string {
  return line
    .split('...')
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*');
}

/** The page with the output of one command replaced; pages that elide output stay as they are. */
export function withOutput(markdown: string, { command, output }: ConsoleCommand, printed: string): string {
  if (output.some((line) => line.includes('...'))) return markdown;
  const old = [`$ ${command}`, ...output, ''].join('\n');
  const shown = printed.trimEnd() === '' ? '' : `${printed.trimEnd()}\n`;
  return markdown.replace(old, () => `$ ${command}\n${shown}`);
}
