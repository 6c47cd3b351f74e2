import type { UserSpace, UserSpaceVerdict, VcpuFailure } from '../hypervisor/user-space.js';

/** A write here ends the machine, as with QEMU's isa-debug-exit. */
const EXIT_PORT = 0xf4;
const ALL_ONES = 0xff;

/** How a machine came to its end. */
export type MachineEnd =
  | { readonly kind: 'exit'; readonly code: number }
  | { readonly kind: 'failure'; readonly vcpu: number; readonly failure: VcpuFailure };

/** The VMM of the built-in guests: an exit port and nothing else. What is not there reads as all ones. */
export class BenchUserSpace implements UserSpace {
  end: MachineEnd | null = null;
  readonly #onEnd: () => void;

  /** `onEnd` is called once, when the guest has ended or died. */
  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
  }

  portWrite(_vcpu: number, port: number, _size: number, value: number): UserSpaceVerdict {
    if (port !== EXIT_PORT) return 'continue';
    this.#finish({ kind: 'exit', code: value });
    return 'stop';
  }

  portRead(_vcpu: number, _port: number, size: number): number {
    return size === 4 ? 0xffff_ffff : 2 ** (8 * size) - 1;
  }

  mmioWrite(): UserSpaceVerdict {
    return 'continue';
  }

  mmioRead(_vcpu: number, _guestPhysical: number, bytes: Uint8Array): void {
    bytes.fill(ALL_ONES);
  }

  failure(vcpu: number, failure: VcpuFailure): void {
    this.#finish({ kind: 'failure', vcpu, failure });
  }

  #finish(end: MachineEnd): void {
    this.end ??= end;
    this.#onEnd();
  }
}
