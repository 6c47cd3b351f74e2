import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as C from '../hardware/vmx/controls.js';
import { EIO } from './errno.js';
import { setUpHardware } from './hardware-setup.js';
import { kvmParameters, type KvmVersion } from './kvm-parameters.js';
import { capability, setUp } from './test-support/fake-vmcs.js';
import { adjustControls, adjustControls64, checkProcessorCompatibility, setUpVmcsConfig } from './vmcs-config.js';

const IPI_VIRT = BigInt(C.TERTIARY_EXEC_IPI_VIRT);
const VERSIONS: readonly KvmVersion[] = ['v1', '5.19', '6.12'];

describe('adjust_vmx_controls', () => {
  it('adds allowed-0 bits and drops optional bits that are not allowed', () => {
    expect(adjustControls(0x1, 0x6, 0x0000_0015_0000_0010n)).toBe(0x15);
  });

  it('fails with -EIO when a required bit is not allowed', () => {
    expect(adjustControls(0x8, 0, 0x0000_0007_0000_0000n)).toBe(-EIO);
  });

  it('keeps bit 31 as an unsigned value', () => {
    expect(adjustControls(0, 0x8000_0000, 0xffff_ffff_0000_0000n)).toBe(0x8000_0000);
  });
});

describe('adjust_vmx_controls_64', () => {
  it('treats MSR 492H as 64 allowed-1 bits without an allowed-0 half', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 2n ** 64n - 1n), fc.bigInt(0n, 2n ** 64n - 1n), (optional, allowed) => {
        expect(adjustControls64(0n, optional, allowed)).toBe(optional & allowed);
      }),
    );
  });

  it('fails when a minimum bit, here bit 40, is not allowed', () => {
    expect(adjustControls64(1n << 40n, 0n, 0xffff_ffffn)).toBeNull();
  });
});

describe('setup_vmcs_config', () => {
  it('activates the tertiary controls and IPI virtualization where the processor has them', () => {
    const { config } = setUp();
    expect(config.primary & C.CPU_BASED_ACTIVATE_TERTIARY_CONTROLS).not.toBe(0);
    expect(config.tertiary).toBe(IPI_VIRT);
  });

  it('clears what needs a TPR shadow when the processor has none', () => {
    const { config, parameters } = setUp({}, { withhold: { primary: C.CPU_BASED_TPR_SHADOW } });
    const needTprShadow =
      C.SECONDARY_EXEC_APIC_REGISTER_VIRT |
      C.SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE |
      C.SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY;
    expect(config.secondary & needTprShadow).toBe(0);
    expect(config.pin & C.PIN_BASED_POSTED_INTR).toBe(0);
    expect(parameters.flexpriority).toBe(false);
  });

  it('makes CR8 exit only without a TPR shadow', () => {
    expect(setUp().config.primary & C.CPU_BASED_CR8_LOAD_EXITING).toBe(0);
    const { config } = setUp({}, { withhold: { primary: C.CPU_BASED_TPR_SHADOW } });
    expect(config.primary & C.CPU_BASED_CR8_LOAD_EXITING).not.toBe(0);
  });

  it('requires acknowledge-interrupt-on-exit', () => {
    const withhold = { exit: C.VM_EXIT_ACK_INTR_ON_EXIT };
    expect(setUpVmcsConfig(capability({ withhold }), kvmParameters())).toBe(-EIO);
  });

  it('calls a CPU with another configuration unusable', () => {
    const { config } = setUp();
    expect(checkProcessorCompatibility(config, { ...config })).toBe(0);
    expect(checkProcessorCompatibility(config, setUp({}, { ipiv: false }).config)).toBe(-EIO);
  });
});

describe('hardware_setup', () => {
  it.each(VERSIONS)('86: enable_ipiv=1, enable_apicv=0 reports IPI virtualization off (%s)', (version) => {
    const { parameters } = setUp({ version, enableApicv: false, enableIpiv: true });
    expect(parameters.enableIpiv).toBe(false);
  });

  it('86: v1 also takes bit 4 out of the configuration', () => {
    expect(setUp({ version: 'v1', enableApicv: false }).config.tertiary).toBe(0n);
    expect(setUp({ version: 'v1', enableIpiv: false }).config.tertiary).toBe(0n);
  });

  it.each(VERSIONS)('87: MSR 492H bit 4 = 0 reports IPI virtualization off (%s)', (version) => {
    const { parameters, config } = setUp({ version }, { withhold: { tertiary: IPI_VIRT } });
    expect(parameters.enableIpiv).toBe(false);
    expect(config.tertiary).toBe(0n);
  });

  it.each(VERSIONS)('87: a processor without tertiary controls works as before (%s)', (version) => {
    const { parameters, config } = setUp({ version }, { ipiv: false });
    expect(parameters).toMatchObject({ enableApicv: true, enableIpiv: false });
    expect(config.primary & C.CPU_BASED_ACTIVATE_TERTIARY_CONTROLS).toBe(0);
  });

  it('turns APICv off when posted interrupts are missing', () => {
    const { parameters } = setUp({}, { withhold: { pin: C.PIN_BASED_POSTED_INTR } });
    expect(parameters).toMatchObject({ enableApicv: false, enableIpiv: false });
  });

  it.each(VERSIONS)('101: on Hyper-V the tertiary word is 0 and primary bit 17 clear (%s)', (version) => {
    const { config, parameters } = setUp({ version, evmcs: true });
    expect(config.tertiary).toBe(0n);
    expect(config.primary & C.CPU_BASED_ACTIVATE_TERTIARY_CONTROLS).toBe(0);
    expect(parameters).toMatchObject({ enableApicv: false, enableIpiv: false, flexpriority: false, pleGap: 0 });
  });

  it('101: TPR shadow and x2APIC-mode virtualization survive the enlightened VMCS', () => {
    const { config } = setUp({ evmcs: true });
    expect(config.primary & C.CPU_BASED_TPR_SHADOW).not.toBe(0);
    expect(config.secondary & C.SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE).not.toBe(0);
  });

  it('101: versions from 6.3 warn once per word, earlier ones are silent', () => {
    expect(setUp({ version: '5.19', evmcs: true }).warnings).toEqual([]);
    expect(setUp({ version: '6.12', evmcs: true }).warnings).toEqual([
      'cpu_based_exec_ctrl unsupported with eVMCS: 0x20000',
      'pin_based_exec_ctrl unsupported with eVMCS: 0x80',
      'cpu_based_2nd_exec_ctrl unsupported with eVMCS: 0x701',
      'cpu_based_3rd_exec_ctrl unsupported with eVMCS: 0x10',
    ]);
  });

  it('does not load where a required control is missing', () => {
    const withhold = { primary: C.CPU_BASED_HLT_EXITING };
    expect(setUpHardware(capability({ withhold }), kvmParameters())).toBe(-EIO);
  });
});
