/**
 * KVM's side of the in-kernel interrupt chip (irq.c, ioapic.c, i8259.c, i8254.c): what an access to a device has raised, the
 * PIC's output as ExtINT, which EOIs the I/O APIC hears of, and the host timer behind the PIT.
 *
 * The PIT's worker thread runs on the CPU of its timer, ahead of the vCPU; timers of devices in user space (real-time clock,
 * PM timer) wake the VMM's thread in the same way. Left out: KVM's floor under the PIT's period, the coalescing of RTC
 * interrupts before their EOI, and the routing table is that of a PC for good.
 */
import { STEP } from '../cost/step.js';
import { SHORTHAND_NONE } from '../hardware/apic/message.js';
import { VMCS_FIELD } from '../hardware/vmx/vmcs-field.js';
import { programHostTimer } from './apic-timer.js';
import { EXIT_CONTINUES, EXIT_RAISES, type ExitResult } from './exits/exit-result.js';
import type { HostCpu } from './host-cpu.js';
import type { KernelDevices } from './kernel-devices.js';
import { matches } from './lapic/destinations.js';
import { APIC_IRR, APIC_ISR, APIC_TMR } from './lapic/registers.js';
import { movePirToIrr } from './posted-interrupts.js';
import { KVM_REQ_EVENT, KVM_REQ_SCAN_IOAPIC, type Vcpu } from './vcpu.js';

const EOI_EXIT_BITMAPS = [
  VMCS_FIELD.EOI_EXIT_BITMAP0,
  VMCS_FIELD.EOI_EXIT_BITMAP1,
  VMCS_FIELD.EOI_EXIT_BITMAP2,
  VMCS_FIELD.EOI_EXIT_BITMAP3,
] as const;

/** After an access to a device, in the kernel or in user space: takes over what it has raised. */
export function collectRaised(host: HostCpu): ExitResult {
  const { kernelDevices } = host.vm;
  if (kernelDevices === null) return EXIT_CONTINUES;
  runTimerWork(host, kernelDevices);
  kernelDevices.takeRaised(host.raised);
  followDeviceTimer(host, kernelDevices);
  return host.raised.length === 0 ? EXIT_CONTINUES : EXIT_RAISES;
}

/** kvm_cpu_has_extint: the PIC asks, and this vCPU is the one that listens. */
export function picPending({ vcpu, vm }: HostCpu): boolean {
  return vm.kernelDevices !== null && vm.kernelDevices.picOutput && vcpu.apic.acceptsPic;
}

/**
 * kvm_pic_read_irq: the vector. That the output rises again, for another line or for a tick that an automatic EOI has released,
 * is seen at once, by this vCPU.
 */
export function acknowledgePic(host: HostCpu): number {
  const { vcpu, vm } = host;
  const devices = vm.kernelDevices as KernelDevices;
  const vector = devices.acknowledgePic(vcpu.id);
  runTimerWork(host, devices);
  if (devices.picOutput) vcpu.requests |= KVM_REQ_EVENT;
  return vector;
}

/** kvm_ioapic_send_eoi: the guest has ended `vector`, and the I/O APIC hears of it if it wants to and has routed it here. */
export function sendEoi(host: HostCpu, vector: number): ExitResult {
  const { vcpu, vm } = host;
  if (vm.kernelDevices === null || !isIoApicVector(vcpu, vector)) return EXIT_CONTINUES;
  vm.kernelDevices.endOfInterrupt(vcpu.id, vector, vcpu.apic.page.testVector(APIC_TMR, vector));
  return collectRaised(host);
}

function isIoApicVector({ ioApicVectors }: Vcpu, vector: number): boolean {
  return (ioApicVectors[vector >>> 5] & (1 << (vector & 31))) !== 0;
}

/**
 * vcpu_scan_ioapic and vcpu_load_eoi_exitmap: whose EOIs the I/O APIC wants to hear of and are for this vCPU, or were and
 * are not ended yet. False: wait, then call again.
 */
export function scanIoApic(host: HostCpu): boolean {
  const { cpu, vcpu, vm } = host;
  if (vm.kernelDevices === null || !vcpu.apic.enabled) {
    vcpu.requests &= ~KVM_REQ_SCAN_IOAPIC;
    return true;
  }
  if (cpu.begin()) cpu.charge(STEP.IOAPIC_SCAN);
  if (!movePirToIrr(host) || cpu.clock.mustWait(cpu)) return false;
  vcpu.requests &= ~KVM_REQ_SCAN_IOAPIC;
  vcpu.ioApicVectors.fill(0);
  for (const { vector, logical, destination } of vm.kernelDevices.eoiRoutes()) {
    const isHere = matches(vcpu, null, { shorthand: SHORTHAND_NONE, logical, destination });
    if (isHere || isPending(vcpu, vector)) vcpu.ioApicVectors[vector >>> 5] |= 1 << (vector & 31);
  }
  if (vcpu.apicvActive) loadEoiExitBitmap(host);
  return host.finish();
}

/** kvm_apic_pending_eoi */
function isPending({ apic }: Vcpu, vector: number): boolean {
  return apic.page.testVector(APIC_ISR, vector) || apic.page.testVector(APIC_IRR, vector);
}

/** vmx_load_eoi_exitmap */
export function loadEoiExitBitmap({ cpu, vcpu }: HostCpu): void {
  const { ioApicVectors } = vcpu;
  EOI_EXIT_BITMAPS.forEach((field, index) => {
    const value = (BigInt(ioApicVectors[2 * index + 1]) << 32n) | BigInt(ioApicVectors[2 * index]);
    if (cpu.vmx.vmread64(field) !== value) cpu.vmx.vmwrite64(field, value);
  });
}

/** create_pit_timer: the timer runs on the CPU whose access has set it. */
function followDeviceTimer(host: HostCpu, { nextEventAt }: KernelDevices): void {
  const { vm } = host;
  // V8 looks an index of -1 up as a name, which takes longer than all the rest.
  const owner = vm.deviceTimerCpu < 0 ? undefined : host.peers[vm.deviceTimerCpu];
  if ((owner?.deviceTimer ?? Infinity) === nextEventAt) return;
  if (owner !== undefined) owner.deviceTimer = Infinity;
  host.deviceTimer = nextEventAt;
  vm.deviceTimerCpu = host.cpu.id;
  if (nextEventAt !== Infinity) host.cpu.charge(STEP.HRTIMER_START);
  programHostTimer(host);
}

/** The PIT's worker injects a missed tick that the guest has just made room for. */
function runTimerWork(host: HostCpu, devices: KernelDevices): void {
  if (!devices.hasTimerWork) return;
  devices.runTimerWork(host.vcpu.id);
  chargeWorker(host);
}

/** A thread was woken for a device: what it costs until that acts (pit_do_work behind pit_timer_fn). */
export function chargeWorker({ cpu }: HostCpu): void {
  cpu.charge(STEP.THREAD_WAKEUP);
  cpu.charge(STEP.CONTEXT_SWITCH);
  cpu.charge(STEP.KERNEL_PORT_IO);
}

/** The timer that waits for the devices has expired. */
export function runDeviceTimer(host: HostCpu): void {
  const { vcpu, vm } = host;
  if (host.deviceTimer === Infinity) return;
  host.deviceTimer = Infinity;
  vm.kernelDevices?.runEvents(vcpu.id);
  collectRaised(host);
}
