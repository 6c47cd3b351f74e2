/** The tracepoints of Linux' kvm subsystem, with the fields and the wording of Linux 6.3. */
import { APIC_REGISTERS, DELIVERY_MODES, SHORTHANDS, symbolOf, type Symbols } from './apic-symbols.js';
import type { TraceEventName, TraceFields } from './event.js';
import type { TraceRecording } from './recording.js';
import { hex, printSymbolic, type Tracepoint } from './tracepoint.js';

type KvmEventName = Extract<TraceEventName, `kvm_${string}`>;

const FAILED_VMENTRY = 2 ** 31;
const VMX = 1;
const ICR_LOGICAL = 1 << 11;
const ICR_ASSERT = 1 << 14;
const ICR_LEVEL = 1 << 15;

const exit: Tracepoint<'kvm_exit'> = {
  fields: [
    ['u32', 'exit_reason'],
    ['ulong', 'guest_rip'],
    ['u32', 'isa'],
    ['u64', 'info1'],
    ['u64', 'info2'],
    ['u32', 'intr_info'],
    ['u32', 'error_code'],
    ['u32', 'vcpu_id'],
  ],
  values: ({ reason, failedEntry, rip, info1, info2, interruption, errorCode, vcpu }) => [
    ...[reason + (failedEntry ? FAILED_VMENTRY : 0), rip, VMX, info1, info2, interruption, errorCode, vcpu],
  ],
  print: (recording) =>
    '"vcpu %u reason %s%s rip 0x%lx info1 0x%016llx info2 0x%016llx intr_info 0x%08x error_code 0x%08x", ' +
    `REC->vcpu_id, ${printSymbolic('(REC->exit_reason & 0xffff)', exitReasons(recording))}, ` +
    '(REC->exit_reason & 0x80000000) ? " FAILED_VMENTRY" : "", ' +
    'REC->guest_rip, REC->info1, REC->info2, REC->intr_info, REC->error_code',
  text: ({ vcpu, reasonName, failedEntry, rip, info1, info2, interruption, errorCode }) =>
    `vcpu ${vcpu} reason ${reasonName}${failedEntry ? ' FAILED_VMENTRY' : ''} rip 0x${hex(rip)} ` +
    `info1 0x${hex(info1, 16)} info2 0x${hex(info2, 16)} ` +
    `intr_info 0x${hex(interruption, 8)} error_code 0x${hex(errorCode, 8)}`,
};

/** The reasons that occur, and their names. */
function exitReasons({ records }: TraceRecording): Symbols {
  const reasons = new Map<number, string>();
  for (const { event } of records) if (event.name === 'kvm_exit') reasons.set(event.reason, event.reasonName);
  return [...reasons].sort(([a], [b]) => a - b);
}

const accept: Tracepoint<'kvm_apic_accept_irq' | 'kvm_apicv_accept_irq'> = {
  fields: [
    ['u32', 'apicid'],
    ['u16', 'dm'],
    ['u16', 'tm'],
    ['u8', 'vec'],
  ],
  values: ({ apicId, deliveryMode, levelTriggered, vector }) => [
    ...[apicId, deliveryMode << 8, levelTriggered ? ICR_LEVEL : 0, vector],
  ],
  print: () =>
    '"apicid %x vec %u (%s|%s)", REC->apicid, REC->vec, ' +
    `${printSymbolic('((REC->dm >> 8) & 0x7)', DELIVERY_MODES)}, REC->tm ? "level" : "edge"`,
  text: ({ apicId, vector, deliveryMode, levelTriggered }) =>
    `apicid ${hex(apicId)} vec ${vector} (${symbolOf(DELIVERY_MODES, deliveryMode)}|${levelTriggered ? 'level' : 'edge'})`,
};

function ipiText({ icr, destination }: TraceFields['kvm_apic_ipi']): string {
  const words = [
    symbolOf(DELIVERY_MODES, (icr >>> 8) & 7),
    (icr & ICR_LOGICAL) !== 0 ? 'logical' : 'physical',
    (icr & ICR_ASSERT) !== 0 ? 'assert' : 'de-assert',
    (icr & ICR_LEVEL) !== 0 ? 'level' : 'edge',
    symbolOf(SHORTHANDS, (icr >>> 18) & 3),
  ];
  return `dst ${hex(destination)} vec ${icr & 0xff} (${words.join('|')})`;
}

/** By name. */
export const KVM_TRACEPOINTS: { readonly [Name in KvmEventName]: Tracepoint<Name> } = {
  kvm_entry: {
    fields: [
      ['u32', 'vcpu_id'],
      ['ulong', 'rip'],
    ],
    values: ({ vcpu, rip }) => [vcpu, rip],
    print: () => '"vcpu %u, rip 0x%lx", REC->vcpu_id, REC->rip',
    text: ({ vcpu, rip }) => `vcpu ${vcpu}, rip 0x${hex(rip)}`,
  },
  kvm_exit: exit,
  kvm_apic: {
    fields: [
      ['u32', 'rw'],
      ['u32', 'reg'],
      ['u64', 'val'],
    ],
    values: ({ write, register, value }) => [write ? 1 : 0, register, value],
    print: () =>
      `"apic_%s %s = 0x%llx", REC->rw ? "write" : "read", ${printSymbolic('REC->reg', APIC_REGISTERS)}, REC->val`,
    text: ({ write, register, value }) =>
      `apic_${write ? 'write' : 'read'} ${symbolOf(APIC_REGISTERS, register)} = 0x${hex(value)}`,
  },
  kvm_apic_ipi: {
    fields: [
      ['u32', 'icr_low'],
      ['u32', 'dest_id'],
    ],
    values: ({ icr, destination }) => [icr, destination],
    print: () =>
      '"dst %x vec %u (%s|%s|%s|%s|%s)", REC->dest_id, (REC->icr_low & 0xff), ' +
      `${printSymbolic('((REC->icr_low >> 8) & 0x7)', DELIVERY_MODES)}, ` +
      '(REC->icr_low & (1<<11)) ? "logical" : "physical", (REC->icr_low & (1<<14)) ? "assert" : "de-assert", ' +
      '(REC->icr_low & (1<<15)) ? "level" : "edge", ' +
      printSymbolic('((REC->icr_low >> 18) & 0x3)', SHORTHANDS),
    text: ipiText,
  },
  kvm_apic_accept_irq: accept,
  kvm_apicv_accept_irq: accept,
  kvm_msr: {
    fields: [
      ['u32', 'write'],
      ['u32', 'ecx'],
      ['u64', 'data'],
      ['u8', 'exception'],
    ],
    values: ({ write, msr, value, exception }) => [write ? 1 : 0, msr, value, exception ? 1 : 0],
    print: () =>
      '"msr_%s %x = 0x%llx%s", REC->write ? "write" : "read", REC->ecx, REC->data, REC->exception ? " (#GP)" : ""',
    text: ({ write, msr, value, exception }) =>
      `msr_${write ? 'write' : 'read'} ${hex(msr)} = 0x${hex(value)}${exception ? ' (#GP)' : ''}`,
  },
  kvm_eoi: {
    fields: [
      ['u32', 'apicid'],
      ['s32', 'vector'],
    ],
    values: ({ apicId, vector }) => [apicId, vector],
    print: () => '"apicid %x vector %d", REC->apicid, REC->vector',
    text: ({ apicId, vector }) => `apicid ${hex(apicId)} vector ${vector}`,
  },
  kvm_inj_virq: {
    fields: [
      ['u32', 'vec'],
      ['bool', 'soft'],
      ['bool', 'reinjected'],
    ],
    values: ({ vector, soft, reinjected }) => [vector, soft, reinjected],
    print: () => '"%s 0x%x%s", REC->soft ? "Soft/INTn" : "IRQ", REC->vec, REC->reinjected ? " [reinjected]" : ""',
    text: ({ vector, soft, reinjected }) =>
      `${soft ? 'Soft/INTn' : 'IRQ'} 0x${hex(vector)}${reinjected ? ' [reinjected]' : ''}`,
  },
  kvm_vcpu_wakeup: {
    fields: [
      ['u64', 'ns'],
      ['bool', 'waited'],
      ['bool', 'valid'],
    ],
    values: ({ ns, waited, valid }) => [ns, waited, valid],
    print: () =>
      '"%s time %lld ns, polling %s", REC->waited ? "wait" : "poll", REC->ns, REC->valid ? "valid" : "invalid"',
    text: ({ ns, waited, valid }) =>
      `${waited ? 'wait' : 'poll'} time ${ns} ns, polling ${valid ? 'valid' : 'invalid'}`,
  },
  kvm_apicv_inhibit_changed: {
    fields: [
      ['s32', 'reason'],
      ['bool', 'set'],
      ['ulong', 'inhibits'],
    ],
    values: ({ reason, set, inhibits }) => [reason, set, inhibits],
    print: () => '"%s reason=%u, inhibits=0x%lx", REC->set ? "set" : "cleared", REC->reason, REC->inhibits',
    text: ({ reason, set, inhibits }) => `${set ? 'set' : 'cleared'} reason=${reason}, inhibits=0x${hex(inhibits)}`,
  },
};
