import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compareResults } from '../../result/compare/compare.js';
import { sealResult, type CaseRecord, type SavedResult } from '../../result/saved-result.js';
import { outcome, sampleResult } from '../../../test/support/sample-result.js';
import { renderPage } from './page.js';
import type { ReportedResult } from './reported-result.js';

const SCENARIO = { name: 'sample', apicMode: ['xapic', 'x2apic'], ipiv: [false, true], runs: 4 };
const sample = (scenario: object = SCENARIO): SavedResult =>
  sampleResult(scenario, ({ settings }, run) =>
    outcome((settings['ipiv'] === true ? 3000 : 4000) + run * 10 + Number(settings['vcpus'])),
  );

function reported(result: SavedResult, extra: Partial<ReportedResult> = {}): ReportedResult {
  return { name: 'sample', file: 'sample.json', result, explanations: new Map(), timeLineNotes: [], ...extra };
}

const page = (result: SavedResult, extra: Partial<ReportedResult> = {}): Promise<string> =>
  renderPage([reported(result, extra)], null);

const changed = (result: SavedResult, change: Partial<SavedResult>): SavedResult => {
  const { environment, digest: _, ...deterministic } = { ...result, ...change };
  return sealResult(deterministic, environment);
};

describe('a report', () => {
  it('is the same text for the same results', async () => {
    expect(await page(sample())).toBe(await page(sample()));
  });

  it('needs nothing that is not in it', async () => {
    const text = await page(sample());
    expect(text).toContain("default-src 'none'");
    expect(text.replaceAll('xmlns="http://www.w3.org/2000/svg"', '')).not.toMatch(
      /https?:|url\(|@import|<script|<link|src=/,
    );
  });

  it('shows the table, and what IPI virtualization changes', async () => {
    const text = await page(sample());
    expect(text).toContain('<th scope="colgroup" colspan="2">x2APIC mode</th>');
    expect(text).toContain('<strong class="better">-24.89%</strong>');
    expect(text).toMatch(/<th scope="row">4<\/th>\s+<td>4032<\/td>\s+<td>3032<\/td>\s+<td>4032<\/td>\s+<td>3032<\/td>/);
  });

  it('gives every id once', async () => {
    const ids = [...(await page(sample({ ...SCENARIO, vcpus: [2, 4, 8] }))).matchAll(/ id="([^"]*)"/g)].map(
      ([, id]) => id,
    );
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('has a table behind every figure', async () => {
    const text = await page(sample());
    const figures = text.split('<figure').slice(1);
    expect(figures.map((each) => /id="([^"]*)"/.exec(each)?.[1])).toEqual(['r0-distribution', 'r0-cpu']);
    for (const figure of figures)
      expect(figure).toMatch(/<svg class="wide" role="img"[^]*<svg class="narrow"[^]*<table>/);
  });

  it('shows each sample with its run', async () => {
    expect(await page(sample())).toContain('<title>run 4: 3032</title>');
  });

  it('draws curves where a key is numeric and varies, and only there', async () => {
    expect(await page(sample())).not.toContain('Average over');
    const text = await page(sample({ ...SCENARIO, vcpus: [2, 4], kvm: { version: ['5.19', '6.12'] } }));
    expect(text.match(/Average over vcpus: KVM \d\.\d+(?=<\/h3>)/g)).toEqual([
      'Average over vcpus: KVM 5.19',
      'Average over vcpus: KVM 6.12',
    ]);
    expect(text).toContain('x2APIC, IPIv on, vcpus 4: 3019 cycles');
  });
});

describe('a report shows as text', () => {
  const hostile = '"><img src=x onerror=alert(1)></title></style><script>alert(1)</script>\u0000&amp;\'${x}';

  it.each<[string, (result: SavedResult) => Promise<string>]>([
    ['names of results', (result) => page(result, { name: hostile, file: hostile })],
    ['descriptions', (result) => page(changed(result, { scenario: { ...result.scenario, description: hostile } }))],
    ['versions', (result) => page(changed(result, { toolVersion: hostile }))],
    ['notes', (result) => page(result, { timeLineNotes: [hostile] })],
    ['profiles', (result) => page(withCases(result, { profile: { name: hostile, hash: hostile } }))],
    ['settings', (result) => page(withCases(result, { settings: { ...result.cases[0].settings, workload: hostile } }))],
    ['values that tell cases apart', (result) => page(withFirst(result, { settings: { workload: hostile } }))],
    ['ids', (result) => page(withCases(result, { id: hostile }))],
    ['failures', (result) => page(withCases(result, { failures: [failure(hostile)] }))],
    ['steps', (result) => page(withCases(result, { activity: withStep(result, hostile) }))],
    [
      'machines',
      (result) => page(changed(result, { source: 'hardware', machine: { name: hostile, kernel: hostile } })),
    ],
    ['imported files', (result) => page(changed(result, { source: 'hardware', imported: [imported(hostile)] }))],
  ])('%s', async (_, render) => {
    const text = await render(sample({ name: 'sample', ipiv: [false, true], runs: 1 }));
    expect(text).not.toMatch(/<script|<img|<\/style>.*<\/style>|onerror=alert\(1\)>/s);
    expect(text).toMatch(/&#?\w+;script&#?\w+;alert/);
  });
});

const failure = (message: string) => ({ run: 1, message, cycles: 1, details: [message] });
const imported = (file: string) => ({ file, format: file, foreignLines: 1 });

function withCases(result: SavedResult, change: Partial<CaseRecord>): SavedResult {
  return changed(result, { cases: result.cases.map((record) => ({ ...record, ...change })) });
}

function withFirst(result: SavedResult, change: Partial<CaseRecord>): SavedResult {
  return changed(result, {
    cases: result.cases.map((record, index) => (index === 0 ? { ...record, ...change } : record)),
  });
}

function withStep({ cases: [{ activity }] }: SavedResult, name: string): CaseRecord['activity'] {
  return { ...activity, sender: { ...activity.sender, steps: { [name]: { count: 1, cycles: 10_000 } } } };
}

describe('a report says', () => {
  it('that a run was interrupted', async () => {
    const text = await page(changed(sample(), { interrupted: true }));
    expect(text).toContain('The run was interrupted');
    expect(text).not.toContain('show --verify');
  });

  it('which guest failed, and that a case has no run', async () => {
    const result = sample();
    const none = { ...result.cases[0].summary, average: null };
    const text = await page(withFirst(result, { runs: [], summary: none, failures: [failure('triple fault')] }));
    expect(text).toContain('The guest failed in run 1 of workload=ipi apicMode=xapic ipiv=off');
    expect(text).toContain('triple fault');
    expect(text).toContain('Cases without any finished run: 1.');
  });

  it('where a measured result comes from, without pictures of what nobody counted', async () => {
    const posting = JSON.parse(readFileSync('results/measured/ipiv-v1.json', 'utf8')) as SavedResult;
    const text = await page(posting);
    expect(text).toContain('Measured on a real machine: 4 cases, 80 runs.');
    expect(text).toContain('ipiv-v1.csv (csv)');
    expect(text).not.toContain('What the CPUs do');
    expect(text).not.toContain('show --verify');
  });

  it('which image was run', async () => {
    expect(await page(changed(sample(), { images: { 'vmexit.flat': 'sha256:cafe' } }))).toMatch(
      /<dt>image<\/dt>\s*<dd>vmexit\.flat <code>sha256:cafe<\/code>/,
    );
  });

  it('why a result is a baseline', async () => {
    const baseline = { reason: 'the new fastpath', replaces: null };
    expect(await page({ ...sample(), baseline })).toMatch(/baseline because<\/dt>\s*<dd>the new fastpath</);
  });

  it('what perf counted, where there is nothing else', async () => {
    const exits = { MSR_WRITE: { samples: 10, minimumUs: 1, maximumUs: 3, meanUs: 2, relativeError: 0.1 } };
    const only = { runs: [], iterations: 0, summary: sampleSummary(null), exitTables: [{ scope: 'all vCPUs', exits }] };
    const text = await page(changed(withCases(sample(), only), { source: 'hardware' }));
    expect(text).toContain('VM exits as perf counted them');
    expect(text).not.toContain('<figure');
  });

  it('how far emulated and measured lie apart', async () => {
    const results = [sample(), changed(sample(), { source: 'hardware' })].map((result, index) => ({
      ...reported(result),
      name: `result ${index}`,
    }));
    const options = { reference: 1, metrics: ['average'], exits: false, steps: false, ignored: [] } as const;
    const compared = compareResults(results, options);
    if (!compared.ok) throw new Error('not compared');
    const text = await renderPage(results, compared.value);
    expect(text).toContain('<a href="#side-by-side">Side by side</a>');
    expect(text).toContain('<span class="model-error">model error 0</span>');
  });
});

function sampleSummary(average: null): CaseRecord['summary'] {
  const none = { average, 'inner-average': null, exits: null, 'line-transfers': null };
  return { ...none, 'sender-cycles': null, 'target-cycles': null };
}

describe('a report of very much', () => {
  it('draws the first cases, names the others, and has all of them in the table', async () => {
    const vcpus = Array.from({ length: 300 }, (_, index) => index + 2);
    const text = await page(sample({ ...SCENARIO, vcpus, runs: 1 }));
    expect(text).toContain('The first 24 of 1200 cases; the table has all of them.');
    expect(text).toContain('<th scope="row">301 vCPUs, x2APIC, IPIv on</th>');
    expect(text).toMatch(/\d+ more tables are left out/);
  });

  it('closes tables of many runs, and leaves the points of many samples out', async () => {
    const text = await page(sample({ ...SCENARIO, runs: 2000 }));
    expect(text).toContain('<summary>All 2000 runs</summary>');
    expect(text).toContain('Cases of more than 100 runs are shown without their points.');
    expect(text).not.toContain('<title>run 1:');
  });
});
