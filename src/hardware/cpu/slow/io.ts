/** I/O ports of a CPU outside VMX non-root operation. */
export interface Ports {
  /** Value of a port, zero-extended. */
  read(port: number, size: 1 | 2 | 4): number;
  write(port: number, size: 1 | 2 | 4, value: number): void;
}
