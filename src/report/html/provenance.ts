import { sourceOf, type SavedResult } from '../../result/saved-result.js';
import { machineText } from '../layout.js';
import { html, type Insert, type Markup } from './markup.js';
import type { ReportedResult } from './reported-result.js';

/** Where and how the result came about. */
export function environment({ result }: ReportedResult): Markup {
  const rows = [...common(result), ...(sourceOf(result) === 'hardware' ? measured(result) : emulated(result))];
  return html`<h3>Environment</h3>
    <dl>
      ${rows.map(
        ([term, text]) =>
          html`<div>
            <dt>${term}</dt>
            <dd>${text}</dd>
          </div>`,
      )}
    </dl>`;
}

type Row = readonly [term: string, text: Insert];

function common({ toolVersion, digest, baseline, environment: { date, node, platform } }: SavedResult): Row[] {
  return [
    ['ipiv-bench', toolVersion],
    ['date', date],
    ['on', `Node.js ${node}, ${platform}`],
    ['digest', html`<code>${digest}</code>`],
    ...(baseline === undefined ? [] : [['baseline because', baseline.reason] as const]),
  ];
}

function emulated({ scenario, seed, cases, images = {}, environment: { jobs, wallSeconds } }: SavedResult): Row[] {
  const profiles = new Map(cases.map(({ profile }) => [profile.hash, profile.name]));
  return [
    ['scenario', scenario.description === '' ? scenario.name : `${scenario.name}: ${scenario.description}`],
    ['cases', `${cases.length}, each run ${scenario.runs} times`],
    ['profile', [...profiles].map(([hash, name]) => html`${name} <code>${hash.slice(0, 12)}</code> `)],
    ...Object.entries(images).map(([name, hash]): Row => ['image', html`${name} <code>${hash}</code>`]),
    ['noise', scenario.noise],
    ['seed', seed],
    ['took', `${wallSeconds} s with ${jobs} worker thread${jobs === 1 ? '' : 's'}`],
  ];
}

function measured(result: SavedResult): Row[] {
  const { machine = {}, imported = [] } = result;
  const files = imported.map(({ file, format, foreignLines }) => {
    const foreign = foreignLines === 0 ? '' : `, ${foreignLines} foreign lines left out`;
    return html`<li>${file} (${format}${foreign})</li>`;
  });
  return [
    ['measured on', machineText(result)],
    ...(machine.kernel === undefined ? [] : [['kernel', machine.kernel] as const]),
    [
      'imported from',
      html`<ul>
        ${files}
      </ul>`,
    ],
  ];
}

/** The commands that give the same result again, with the scenario that they need. */
export function reproduction({ file: saved, result }: ReportedResult): Markup {
  if (sourceOf(result) === 'hardware') {
    return html`<h3>How to reproduce</h3>
      <p>This was measured, not emulated: only the machine can repeat it.</p>`;
  }
  const { scenario, toolVersion, interrupted } = result;
  const file = `${scenario.name}.json`;
  return html`<h3>How to reproduce</h3>
    <p>
      Emulated cycles are exact: version ${toolVersion} gives the same ones on any machine, with the same profile.
      ${interrupted ? 'This run was interrupted: there is no whole result to hold another one against.' : null}
    </p>
    ${interrupted ? null : verification(saved, result)}
    <p>This runs the scenario below, saved as <code>${file}</code>:</p>
    <pre tabindex="0"><code>ipiv-bench run ${shellWord(file)}</code></pre>
    <details>
      <summary>The scenario, with every default filled in</summary>
      <pre tabindex="0" class="scenario"><code>${JSON.stringify(scenario, null, 2)}</code></pre>
    </details>`;
}

/** Only a whole run has a digest that another one can be held against. */
function verification(saved: string, { digest }: SavedResult): Markup {
  return html`<p>
      This runs everything again and says whether the digest is still
      <code>${digest}</code>:
    </p>
    <pre tabindex="0"><code>ipiv-bench show --verify ${shellWord(saved)}</code></pre>`;
}

/** A file's name as a shell takes it. */
function shellWord(name: string): string {
  return /^[\w.][\w.-]*$/.test(name) ? name : `'./${name.replaceAll("'", "'\\''")}'`;
}
