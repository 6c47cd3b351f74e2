/**
 * Exit 30: port I/O, which always goes to user space (handle_io, kvm_fast_pio). Left out: INS and OUTS.
 */
import { STEP } from '../../cost/step.js';
import type { HostCpu } from '../host-cpu.js';
import { EXIT_CONTINUES, EXIT_STOPS, EXIT_WAITS, type ExitResult } from './exit-result.js';
import { failInternally } from './failure.js';
import { skipInstruction } from './skip.js';

const RAX = 0;
const QUALIFICATION_SIZE = 7;
const QUALIFICATION_IN = 1 << 3;
const QUALIFICATION_STRING = 1 << 4;

export function handleIo(host: HostCpu): ExitResult {
  const { cpu, vcpu, vm } = host;
  const { exitQualification } = vcpu;
  const size = (exitQualification & QUALIFICATION_SIZE) + 1;
  const port = exitQualification >>> 16;
  if (cpu.begin()) cpu.charge(STEP.USER_SPACE_EXIT);
  if (cpu.clock.mustWait(cpu)) return EXIT_WAITS;
  if ((exitQualification & QUALIFICATION_STRING) !== 0)
    return failInternally(host, `string I/O on port ${port.toString(16)}H`);
  const mask = size === 4 ? 0xffff_ffff : 2 ** (8 * size) - 1;
  const value = (cpu.gprLow(RAX) & mask) >>> 0;
  if ((exitQualification & QUALIFICATION_IN) === 0) {
    skipInstruction(host);
    return vm.userSpace.portWrite(vcpu.id, port, size, value) === 'stop' ? EXIT_STOPS : EXIT_CONTINUES;
  }
  const read = (vm.userSpace.portRead(vcpu.id, port, size) & mask) >>> 0;
  cpu.setGprWords(RAX, size === 4 ? 0 : cpu.gprHigh(RAX), ((cpu.gprLow(RAX) & ~mask) | read) >>> 0);
  skipInstruction(host);
  return EXIT_CONTINUES;
}
