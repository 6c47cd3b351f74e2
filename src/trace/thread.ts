/** The threads of the VMM process as a host would show them: one per vCPU, named as QEMU names them. */
export const VM_PID = 1000;
/** Name of the VMM process. */
export const VM_NAME = 'VM';

/** Thread of the vCPU on `cpu`. */
export function threadId(cpu: number): number {
  return VM_PID + 1 + cpu;
}

/** Name of that thread; the kernel keeps 15 characters of it. */
export function threadName(cpu: number): string {
  return `CPU ${cpu}/KVM`;
}
