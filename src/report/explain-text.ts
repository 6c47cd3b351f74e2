/** A time line in the terminal: every step of an iteration, what it costs, and where it lies. */
import {
  type CaseExplanation,
  type Change,
  type CpuShare,
  type Explanation,
  type IpivPair,
  type Overlap,
  type PathLine,
  type PathSection,
  type Work,
} from '../result/explanation.js';
import { commonPart, percentText, SHOWN_EXITS } from './layout.js';
import type { Style } from './style.js';

const BAR_WIDTH = 32;
const NAME_WIDTH = 34;
const CPU_NAMES = ['sender', 'target'] as const;

/** All cases, then what IPI virtualization changed between them. */
export function explainText({ cases, pairs }: Explanation, style: Style): string {
  const blocks = [
    ...cases.map((each) => caseLines(each, style)),
    ...pairs.map((pair) => pairLines(pair, cases, style)),
    legend(cases),
  ];
  return `${blocks.map((lines) => lines.map((line) => line.trimEnd()).join('\n')).join('\n\n')}\n`;
}

function caseLines(each: CaseExplanation, style: Style): string[] {
  const unit = unitOf(each);
  return [
    style.strong(titleOf(each)),
    `cycles per ${unit}; profile ${each.profile.name}, noise off; ${whichOf(each)}`,
    ...(each.typical
      ? []
      : [style.worse('its neighbours consist of other steps: no single iteration is typical here')]),
    '',
    style.faint(`${'start'.padStart(9)}${'cycles'.padStart(10)}${'share'.padStart(8)}`),
    ...each.path.flatMap((section) => sectionLines(section, each, style)),
    figures(null, each.rest, each.rest / each.average, 'rest: other phases of waiting loops, edges of the timed loop'),
    style.strong(figures(null, each.average, 1, 'total')),
    ...overlapLines(each, style),
    '',
    ...cpuLines(each, unit),
  ];
}

/** `x2APIC mode, IPIv on: ipi, 2 vCPUs, ...` */
function titleOf(each: Pick<CaseExplanation, 'id' | 'settings' | 'architectural'>): string {
  return `${modeOf(each)}, IPIv ${each.settings['ipiv'] === true ? 'on' : 'off'}: ${commonPart(each)}`;
}

function modeOf({ settings }: Pick<CaseExplanation, 'settings'>): string {
  return settings['apicMode'] === 'xapic' ? 'xAPIC mode' : 'x2APIC mode';
}

function whichOf({ iteration, iterations }: CaseExplanation): string {
  return iteration === null ? `an iteration of ${iterations}` : `iteration ${iteration} of ${iterations}`;
}

function unitOf({ settings }: CaseExplanation): string {
  return String(settings['workload']).includes('ipi') ? 'IPI' : 'iteration';
}

// ---- The path

function sectionLines({ name, cycles, lines }: PathSection, each: CaseExplanation, style: Style): string[] {
  const head = figures(lines[0].start, cycles, cycles / each.average, name);
  return [style.strong(head), ...byGroup(lines).flatMap((run) => runLines(run, each, style))];
}

/** Lines of one free group that follow each other stand under their group. */
function byGroup(lines: readonly PathLine[]): PathLine[][] {
  const runs: PathLine[][] = [];
  for (const line of lines) {
    const run = runs.at(-1);
    if (run !== undefined && !line.identifiable && run[0].group === line.group) run.push(line);
    else runs.push([line]);
  }
  return runs;
}

function runLines(run: readonly PathLine[], each: CaseExplanation, style: Style): string[] {
  if (run.length === 1) return run.map((line) => pathLine(line, each, 1, style));
  const [{ start, group }] = run;
  const cycles = run.reduce((sum, line) => sum + line.cycles, 0);
  const head = figures(start, cycles, cycles / each.average, `  ~ ${group ?? ''}`);
  return [head, ...run.map((line) => pathLine(line, each, 2, style))];
}

function pathLine(line: PathLine, each: CaseExplanation, depth: number, style: Style): string {
  const name = `${'  '.repeat(depth)}${nameOf(line)}`;
  const text = figures(line.start, line.cycles, line.share, name.padEnd(NAME_WIDTH));
  return `${text}${(line.source ?? '').padEnd(11)}${style.faint(bar(line, each.cycles))}`;
}

/** `~ vm-exit`, `guest-instructions (13)`, `halt-poll-iteration x7` */
function nameOf({ name, identifiable, count, instructions }: Work): string {
  const amount = name === 'guest-instructions' ? ` (${instructions})` : count > 1 ? ` x${count}` : '';
  return `${identifiable ? '' : '~ '}${name}${amount}`;
}

/** The line's place in the iteration. */
function bar({ start, cycles }: PathLine, total: number): string {
  const [first, end] = [start, start + cycles].map((time) => Math.floor((time / total) * BAR_WIDTH));
  return `${' '.repeat(Math.min(first, BAR_WIDTH - 1))}${'█'.repeat(end - first) || '▏'}`;
}

function figures(start: number | null, cycles: number, share: number, text: string): string {
  const at = start === null ? ''.padStart(9) : number(start, 9);
  const percent = (share * 100).toFixed(1).replace(/^-0\.0$/, '0.0');
  return `${at}${number(cycles, 10)}${`${percent}%`.padStart(8)}  ${text}`;
}

function number(value: number, width: number): string {
  return value.toFixed(2).padStart(width);
}

// ---- What overlaps

function overlapLines({ overlapped }: CaseExplanation, style: Style): string[] {
  if (overlapped.length === 0) return [];
  return ['', 'off the critical path', ...overlapped.flatMap((work) => overlapText(work, style))];
}

function overlapText({ cpu, start, cycles, slack, endsWithStore, work }: Overlap, style: Style): string[] {
  const until = endsWithStore ? 'up to the store that ends the wait' : 'until it waits or is needed again';
  const steps = work.map((each) => `${nameOf(each)} ${each.cycles.toFixed(2)}`).join(', ');
  return [
    `${number(start, 9)}${number(cycles, 10)}${''.padStart(8)}  ${cpuName(cpu)}, ${until}; slack ${slack.toFixed(2)}`,
    ...wrapped(steps, 100 - 31).map((line) => style.faint(`${''.padStart(31)}${line}`)),
  ];
}

function cpuName(cpu: number): string {
  return cpu < CPU_NAMES.length ? CPU_NAMES[cpu] : `CPU ${cpu}`;
}

/** Breaks at commas. */
function wrapped(text: string, width: number): string[] {
  const lines = [''];
  for (const part of text.split(/(?<=,) /)) {
    const line = lines[lines.length - 1];
    if (line.length + part.length + 1 > width && line !== '') lines.push(part);
    else lines[lines.length - 1] = line === '' ? part : `${line} ${part}`;
  }
  return lines;
}

// ---- CPUs and exits

function cpuLines({ sender, target }: CaseExplanation, unit: string): string[] {
  const shares: readonly (readonly [string, CpuShare])[] = [
    ['sender', sender],
    ['target', target],
  ];
  return shares
    .filter(([, { busyCycles }]) => busyCycles > 0)
    .map(
      ([name, { busyCycles, exits }]) =>
        `${name}: ${busyCycles.toFixed(2)} CPU cycles per ${unit}; exits: ${exitsText(exits)}`,
    );
}

function exitsText(exits: CpuShare['exits']): string {
  const counts = Object.entries(exits);
  const shown = counts.filter(([, count]) => count >= SHOWN_EXITS);
  const others = counts.filter(([, count]) => count < SHOWN_EXITS).reduce((sum, [, count]) => sum + count, 0);
  if (others > 0) shown.push(['others', others]);
  return shown.map(([reason, count]) => `${reason} ${count.toFixed(2)}`).join(', ') || 'none';
}

// ---- Off against on

function pairLines(pair: IpivPair, cases: readonly CaseExplanation[], style: Style): string[] {
  const [off, on] = [pair.off, pair.on].map((id) => cases.find((each) => each.id === id) as CaseExplanation);
  const { average, rest } = pair;
  const relative = average.off === 0 ? '' : `  ${percentText((average.difference / average.off) * 100)}`;
  const better = average.difference <= 0 ? style.better : style.worse;
  return [
    style.strong(`IPIv off against on, ${modeOf(on)}: ${commonPart(on)}`),
    style.faint(`${''.padEnd(NAME_WIDTH)}${'off'.padStart(10)}${'on'.padStart(10)}${'difference'.padStart(13)}`),
    ...pair.changes.flatMap((change, index) => changeLines(change, pair.changes[index - 1]?.section, style)),
    columns('rest', rest.off, rest.on, rest.difference),
    `${style.strong(columns('total', average.off, average.on, average.difference))}${better(relative)}`,
    columns('sender CPU cycles', off.sender.busyCycles, on.sender.busyCycles),
    columns('target CPU cycles', off.target.busyCycles, on.target.busyCycles),
    columns('exits', exitsOf(off), exitsOf(on)),
  ];
}

function changeLines(change: Change, previous: string | undefined, style: Style): string[] {
  const { section, name, off, on, difference, identifiable } = change;
  const line = columns(`  ${identifiable ? '' : '~ '}${name}`, off, on, difference);
  const text = difference === 0 ? style.faint(line) : line;
  return section === previous ? [text] : [style.strong(section), text];
}

function columns(name: string, off: number | null, on: number | null, difference = (on ?? 0) - (off ?? 0)): string {
  const [before, after] = [off, on].map((value) => (value === null ? '-' : value.toFixed(2)).padStart(10));
  const change = difference === 0 ? '.' : `${difference > 0 ? '+' : ''}${difference.toFixed(2)}`;
  return `${name.padEnd(NAME_WIDTH)}${before}${after}${change.padStart(13)}`;
}

function exitsOf({ sender, target }: CaseExplanation): number {
  return [sender, target].flatMap(({ exits }) => Object.values(exits)).reduce((sum, count) => sum + count, 0);
}

// ---- What the marks mean

function legend(cases: readonly CaseExplanation[]): string[] {
  const lines = cases.flatMap(({ path, overlapped }) => [
    ...path.flatMap((section): readonly Work[] => section.lines),
    ...overlapped.flatMap(({ work }) => work),
  ]);
  const unknown = new Set(lines.filter(({ identifiable }) => !identifiable).map(({ group }) => group));
  const groups = Object.entries(Object.assign({}, ...cases.map((each) => each.groups)) as Record<string, string>);
  const shown = groups.filter(([name]) => unknown.has(name));
  return [
    ...(shown.length === 0
      ? []
      : ['~ the data fix only the sum of these groups; the prior splits it among their steps:']),
    ...shown.map(([name, description]) => `  ${name}: ${description}`),
    "loop-phase: the rest of a waiting loop's pass, from what ends the wait to its being noticed",
  ];
}
