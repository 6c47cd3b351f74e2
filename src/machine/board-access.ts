/**
 * How CPUs without a hypervisor and the board reach each other. Every way to the board tells its clock first whose time
 * it is.
 */
import type { ApicMessage } from '../hardware/apic/message.js';
import type { Cpu, DeviceMemory } from '../hardware/cpu/cpu.js';
import type { Ports } from '../hardware/cpu/slow/io.js';
import type { Board } from '../platform/board.js';
import type { BoardClock } from './board-clock.js';
import type { Hardware } from './hardware.js';

/** The board's ports as a CPU sees them. */
export function directPorts(cpu: Cpu, board: Board, clock: BoardClock, onWrite: () => void): Ports {
  return {
    read(port, size) {
      clock.at(cpu);
      return board.portRead(port, size);
    },
    write(port, size, value) {
      clock.at(cpu);
      board.portWrite(port, size, value);
      onWrite();
    },
  };
}

/** The board's memory as a CPU sees it. */
export function directMemory(cpu: Cpu, board: Board, clock: BoardClock, onWrite: () => void): DeviceMemory {
  return {
    read(physical, bytes) {
      clock.at(cpu);
      board.mmioRead(physical, bytes);
    },
    write(physical, bytes) {
      clock.at(cpu);
      board.mmioWrite(physical, bytes);
      onWrite();
    },
  };
}

/**
 * A message of the I/O APIC: it travels from the CPU whose access has caused it; in an event it is there at once. Whether
 * an APIC takes it shows when it is sent.
 */
export function sendFromBoard({ bus }: Hardware, clock: BoardClock, message: ApicMessage): boolean {
  const accepted = bus.accepts(message);
  if (clock.accessor === null) bus.deliver(message, clock.ticks);
  else bus.send(clock.accessor, message);
  return accepted;
}

/** The PIC's output changes: LINT0 of the first CPU follows, as soon as another CPU's access can have reached it. */
export function driveLint0({ cpus, topology }: Hardware, clock: BoardClock, asserted: boolean): void {
  const [{ apic, clock: order, id }] = cpus;
  const { accessor, ticks } = clock;
  if (accessor === null || accessor.id === id) apic.setLint0(asserted, ticks);
  else {
    order.schedule(ticks + topology.flightLatency(accessor.id, id), id, (at) => {
      apic.setLint0(asserted, at);
    });
  }
}

/** End-of-interrupt broadcasts go to the board's I/O APIC, interrupt-acknowledge cycles to its PIC. */
export function listenToCpus({ bus, cpus }: Hardware, board: Board, clock: BoardClock): void {
  bus.onEoiBroadcast = (vector, from) => {
    clock.at(from);
    board.endOfInterrupt(vector, true);
  };
  cpus[0].apic.acknowledgeExternal = () => {
    clock.at(cpus[0]);
    return board.acknowledgePic();
  };
}
