import type { EoiRoute, IoBus, KernelDevices, RaisedInterrupt } from '../kernel-devices.js';

/** In-kernel devices that answer nowhere and never interrupt: tests override what they are about. */
export class QuietDevices implements KernelDevices {
  picOutput = false;
  nextEventAt = Infinity;
  hasTimerWork = false;
  routes: EoiRoute[] = [];
  /** What the next access raises. */
  readonly raised: RaisedInterrupt[] = [];

  claims(_bus: IoBus, _address: number): boolean {
    return false;
  }

  read(_vcpu: number, _bus: IoBus, _address: number, _size: number): number {
    return 0;
  }

  write(_vcpu: number, _bus: IoBus, _address: number, _size: number, _value: number): void {
    // Takes anything.
  }

  listens(_bus: IoBus, _address: number): boolean {
    return false;
  }

  matches(_bus: IoBus, _address: number, _size: number, _value: number): boolean {
    return false;
  }

  isFast(_guestPhysical: number): boolean {
    return false;
  }

  takeRaised(to: RaisedInterrupt[]): void {
    to.push(...this.raised.splice(0));
  }

  acknowledgePic(_vcpu: number): number {
    return 0;
  }

  endOfInterrupt(_vcpu: number, _vector: number, _level: boolean): void {
    // Nobody waits for it.
  }

  eoiRoutes(): readonly EoiRoute[] {
    return this.routes;
  }

  runEvents(_vcpu: number): void {
    this.nextEventAt = Infinity;
  }

  runTimerWork(_vcpu: number): void {
    this.hasTimerWork = false;
  }
}
