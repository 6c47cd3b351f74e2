/** The subtests of vmexit.flat, and what docs/cost-model.md says that they print. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ROOT } from './cli.js';
import { boot } from './kvm-unit-tests.js';

/** By what they cost to simulate; those with two names print several results. */
export const SUBTESTS = {
  exits:
    'cpuid vmcall wbinvd invd inl_from_pmtimer inl_from_qemu inl_from_kernel outl_to_kernel wr_tsc_adjust_msr ' +
    'rd_tsc_adjust_msr toggle_cr0_wp',
  devices: 'pci-mem pci-io',
  interrupts:
    'ipi ipi_halt tscdeadline_immed self_ipi_sti_nop self_ipi_sti_hlt self_ipi_tpr self_ipi_tpr_sti_nop ' +
    'self_ipi_tpr_sti_hlt x2apic_self_ipi_sti_nop x2apic_self_ipi_sti_hlt x2apic_self_ipi_tpr x2apic_self_ipi_tpr_sti_nop ' +
    'x2apic_self_ipi_tpr_sti_hlt',
  oneCpu: 'tscdeadline',
  guest: 'ple_round_robin wr_kernel_gs_base wr_ibrs_msr wr_ibpb_msr',
  guestForMinutes: 'mov_from_cr8 mov_to_cr8 mov_dr toggle_cr4_pge',
  skipped: 'wr_tsx_ctrl_msr',
} as const;

/** The lines that a subtest prints are named so in the table. */
const PRINTED: Readonly<Record<string, readonly string[]>> = {
  'pci-mem': ['mmio-no-eventfd', 'mmio-wildcard-eventfd', 'mmio-datamatch-eventfd'],
  'pci-io': ['portio-no-eventfd', 'portio-wildcard-eventfd', 'portio-datamatch-eventfd'],
};

/** Of KVM 6.12 with IPI virtualization. */
const COLUMN = '6.12, on';
/** Another compiler takes other instructions for the same thing. */
const MOST_RATIO = 0.02;
const MOST_CYCLES = 5;

/** What the tables of docs/cost-model.md say of each line; NaN: skipped. */
export function documentedCycles(): Map<string, number> {
  const page = readFileSync(join(ROOT, 'docs/cost-model.md'), 'utf8');
  const [, section] = page.split(/^## The whole vmexit list$/m);
  const rows = section.split('\n').flatMap((line) => (line.startsWith('| ') ? [cells(line)] : []));
  const cycles = new Map<string, number>();
  let column = 1;
  for (const row of rows) {
    if (row[0] === 'subtest') column = Math.max(1, row.indexOf(COLUMN));
    else if (/^[a-z]/.test(row[0])) cycles.set(row[0], row[column] === '' ? NaN : Number(row[column]));
  }
  return cycles;
}

function cells(line: string): string[] {
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}

/** Names as the tables have them. */
export function linesOf(group: keyof typeof SUBTESTS): readonly string[] {
  return SUBTESTS[group].split(' ').flatMap((name) => PRINTED[name] ?? [name]);
}

/** One test per subtest: it comes to its end and prints the cycles of the page. */
export function testSubtests(
  file: string,
  group: keyof typeof SUBTESTS,
  timeout: number,
  args: readonly string[] = [],
): void {
  const documented = documentedCycles();
  it.for(SUBTESTS[group].split(' '))(
    '%s takes the cycles of docs/cost-model.md',
    { timeout },
    async (name, { signal }) => {
      const { code, stdout, stderr } = await boot(file, ['--append', name, ...args], signal);
      for (const line of PRINTED[name] ?? [name]) {
        const cycles = Number(new RegExp(`^${line}(?::${name})? (\\d+)\\r?$`, 'm').exec(stdout)?.[1]);
        const expected = documented.get(line) ?? NaN;
        expect({
          line,
          off: Math.max(0, Math.abs(cycles - expected) - Math.max(MOST_CYCLES, MOST_RATIO * expected)),
        }).toEqual({ line, off: 0 });
      }
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    },
  );
}
