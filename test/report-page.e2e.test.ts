import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CHROMIUM, launchBrowser } from './support/browser.js';
import { emptyFolder, ipivBench, ROOT } from './support/cli.js';
import { accessibilityFaults, chartFaults, colours, focused, openEverything, pageWidth } from './support/in-page.js';

if (CHROMIUM === null) console.warn('skipped: no Chromium; install it, or name it in CHROMIUM');

const folder = emptyFolder();
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const VIEWS = [1280, 700, 360].flatMap((width) =>
  (['light', 'dark'] as const).map((colorScheme) => ({ width, colorScheme })),
);

/** Runs ipiv-bench in the test's folder; it must succeed. */
function ipiv(...args: readonly string[]): void {
  const { code, stderr } = ipivBench(args, folder);
  if (code !== 0) throw new Error(stderr);
}

let browser: Browser;
const open = async (name: string, view: (typeof VIEWS)[number] = VIEWS[0]): Promise<Page> => {
  const { width, colorScheme } = view;
  const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
  await page.goto(pathToFileURL(join(folder, `${name}.html`)).href);
  return page;
};

describe.skipIf(CHROMIUM === null)('a report in a browser', () => {
  beforeAll(async () => {
    const quick = ['--set', 'iterations=64', '--runs', '5', '--no-save'];
    const axes = ['--set', 'vcpus=[2,4,8]', '--set', 'apHaltPolicy=["spin","hlt"]'];
    ipiv('run', 'ipiv-v1', ...quick, '-o', 'emulated.json');
    ipiv('run', 'x2apic', ...quick, ...axes, '-o', 'matrix.json');
    const posting = join(ROOT, 'results/measured/ipiv-v1.json');
    ipiv('report', posting, 'emulated.json', '--html', 'two.html');
    ipiv('report', 'matrix.json', '--html', 'matrix.html', '--time-lines', '4');
    browser = await launchBrowser();
  }, 120_000);
  afterAll(async () => browser.close());

  it('asks for nothing but itself, and complains about nothing', async () => {
    const page = await browser.newPage();
    const requests: string[] = [];
    const complaints: string[] = [];
    page.on('request', (request) => requests.push(request.url()));
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    const url = pathToFileURL(join(folder, 'two.html')).href;
    await page.goto(url);
    await page.waitForLoadState('networkidle');
    expect({ requests, complaints }).toEqual({ requests: [url], complaints: [] });
  });

  describe.each(VIEWS)('$width pixels wide, $colorScheme', (view) => {
    it.each(['two', 'matrix'])('shows every chart of %s in full', async (name) => {
      const page = await open(name, view);
      expect(await page.evaluate(chartFaults)).toEqual([]);
      expect(await page.evaluate(pageWidth)).toBe(view.width);
      await page.close();
    });
  });

  it.each([
    { name: 'two', width: 1280, colorScheme: 'light' },
    { name: 'two', width: 360, colorScheme: 'dark' },
    { name: 'matrix', width: 700, colorScheme: 'light' },
  ] as const)('breaks no rule of accessibility: $name, $width pixels wide, $colorScheme', async ({ name, ...view }) => {
    const page = await open(name, view);
    await page.evaluate(openEverything);
    await page.evaluate(AXE);
    expect(await page.evaluate(accessibilityFaults)).toEqual([]);
  });

  it('looks different in the dark', async () => {
    const bar = '#r1-cpu svg path[fill^="var("]';
    const [light, dark] = await Promise.all(
      (['light', 'dark'] as const).map(async (colorScheme) => {
        const page = await open('two', { width: 1280, colorScheme });
        return page.evaluate(colours, bar);
      }),
    );
    expect(dark.page).not.toBe(light.page);
    expect(dark.bar).not.toBe(light.bar);
  });

  it('is worked with the keyboard: the first stop skips to the results, and tables open', async () => {
    const page = await open('two');
    await page.keyboard.press('Tab');
    expect(await page.evaluate(focused)).toBe('#content');
    await page.keyboard.press('Enter');
    expect(await page.evaluate(focused)).toBe('content');
    await page.focus('#r1-distribution summary');
    await page.keyboard.press('Enter');
    expect(await page.isVisible('#r1-distribution table')).toBe(true);
  });

  it('shows what a mark is to the pointer', async () => {
    const page = await open('two');
    const titles = await page.locator('#r1-time-line-0 svg.wide path > title').allTextContents();
    expect(titles).toContainEqual(expect.stringMatching(/^vm-exit: \d+\.\d\d cycles, from \d+\.\d\d$/));
  });

  it('goes on paper light, without what only a screen can do', async () => {
    const page = await open('two', { width: 1280, colorScheme: 'dark' });
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
    expect((await page.evaluate(colours, 'figure')).page).toBe('rgb(255, 255, 255)');
    expect(await page.isVisible('nav')).toBe(false);
    expect(await page.isVisible('#r1-distribution svg.wide')).toBe(true);
  });

  it('runs nothing that a result holds', async () => {
    const hostile = '"><img src=x onerror=document.title="run"><script>document.title="run"</script>';
    writeFileSync(join(folder, 'log'), 'ipi 4265\n');
    ipiv('import', 'log', '--machine', hostile, '--note', hostile, '-o', 'hostile.json');
    ipiv('report', 'hostile.json', '--html', 'hostile.html');
    const page = await open('hostile');
    expect(await page.title()).toBe('ipiv-bench: hostile');
    expect(await page.locator('script, img').count()).toBe(0);
    expect(await page.getByText(hostile).count()).toBeGreaterThan(0);
  });
});
