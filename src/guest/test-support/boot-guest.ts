/**
 * A small multiboot kernel for tests of the boot path. It prints its command line and its environment on the serial
 * port, goes up to 64-bit mode, starts the other CPUs by INIT and SIPI through a real-mode trampoline at 8000H, waits
 * until all of them have come up to 64-bit mode, prints how many fw_cfg counts (at most 9) and ends with exit code 0. Exit
 * code 2: EAX did not hold the multiboot magic number.
 */
import { elf } from './elf-image.js';

export const BOOT_GUEST_BASE = 0x10_0000;
/** Page tables and the count of CPUs follow the code; all of them start as zero. */
export const BOOT_GUEST_MEMORY = 0x2_9000;
export const BOOT_GUEST_ENTRY = BOOT_GUEST_BASE + 0x0c;
/** Where the CPUs that have come up are counted, but for the first. */
export const CPUS_ONLINE = 0x12_8000;

/** Bytes from BOOT_GUEST_BASE on, and what they are. */
const LISTING = `
  02b0ad1b                      multiboot magic
  00000000                      flags
  fe4f52e4                      checksum
  ; 32-bit mode
  3d02b0ad2b                    start: cmp eax, 2BADB002H
  0f8586000000                  jne wrong
  bc00001200                    mov esp, 120000H
  89dd                          mov ebp, ebx
  8b7510                        mov esi, [ebp+16]
  e8ae000000                    call print
  bef3011000                    mov esi, newline
  e8a4000000                    call print
  837d1401                      cmp dword ptr [ebp+20], 1
  7510                          jne upward
  8b4d18                        mov ecx, [ebp+24]
  8b31                          mov esi, [ecx]
  8b7904                        mov edi, [ecx+4]
  c60700                        mov byte ptr [edi], 0
  e88e000000                    call print
  c7050010120003201200          upward: mov dword ptr [121000H], 122003H
  bf00201200                    mov edi, 122000H
  b803301200                    mov eax, 123003H
  b904000000                    mov ecx, 4
  8907                          directory: mov [edi], eax
  83c708                        add edi, 8
  0500100000                    add eax, 1000H
  49                            dec ecx
  75f3                          jnz directory
  bf00301200                    mov edi, 123000H
  b883000000                    mov eax, 83H
  b900080000                    mov ecx, 2048
  8907                          page: mov [edi], eax
  83c708                        add edi, 8
  0500002000                    add eax, 200000H
  49                            dec ecx
  75f3                          jnz page
  0f0115ed011000                lgdt [gdtr]
  bb96001000                    mov ebx, toMain64
  eb13                          jmp enter
  eaf30010000800                toMain64: jmp far 8:main64
  b802000000                    wrong: mov eax, 2
  baf4000000                    mov edx, 0F4H
  ef                            out dx, eax
  f4                            hlt
  b820000000                    enter: mov eax, 20H
  0f22e0                        mov cr4, eax
  b800101200                    mov eax, 121000H
  0f22d8                        mov cr3, eax
  b9800000c0                    mov ecx, 0C0000080H
  0f32                          rdmsr
  0d00010000                    or eax, 100H
  0f30                          wrmsr
  0f20c0                        mov eax, cr0
  0d01000080                    or eax, 80000001H
  0f22c0                        mov cr0, eax
  ffe3                          jmp ebx
  0fb60e                        print: movzx ecx, byte ptr [esi]
  85c9                          test ecx, ecx
  7417                          jz printed
  83c601                        add esi, 1
  bafd030000                    ready: mov edx, 3FDH
  ec                            in al, dx
  a820                          test al, 20H
  74f6                          jz ready
  baf8030000                    mov edx, 3F8H
  89c8                          mov eax, ecx
  ee                            out dx, al
  ebe2                          jmp print
  c3                            printed: ret
  ; 64-bit mode
  b810000000                    main64: mov eax, 10H
  8ed8                          mov ds, eax
  8ec0                          mov es, eax
  8ed0                          mov ss, eax
  bef6011000                    mov esi, mode
  e8ccffffff                    call print
  bf00800000                    mov edi, 8000H
  be90011000                    mov esi, trampoline
  b923000000                    mov ecx, trampolineEnd - trampoline
  f3a4                          rep movsb
  ba10050000                    mov edx, 510H
  b805000000                    mov eax, 5
  66ef                          out dx, ax
  ba11050000                    mov edx, 511H
  ec                            in al, dx
  0fb6d8                        movzx ebx, al
  bf0000e0fe                    mov edi, 0FEE00000H
  c787f0000000ff010000          mov dword ptr [rdi+0F0H], 1FFH
  83fb01                        cmp ebx, 1
  7424                          je online
  c7870003000000450c00          mov dword ptr [rdi+300H], 0C4500H
  c7870003000008460c00          mov dword ptr [rdi+300H], 0C4608H
  f390                          waiting: pause
  8b042500801200                mov eax, [128000H]
  83c001                        add eax, 1
  39d8                          cmp eax, ebx
  75f0                          jne waiting
  83c330                        online: add ebx, 30H
  881c250a021000                mov byte ptr [digit], bl
  be04021000                    mov esi, count
  e85affffff                    call print
  31c0                          xor eax, eax
  baf4000000                    mov edx, 0F4H
  ef                            out dx, eax
  f4                            stop: hlt
  ebfd                          jmp stop
  f0ff042500801200              ap64: lock inc dword ptr [128000H]
  f4                            idle: hlt
  ebfd                          jmp idle
  ; real mode, copied to 8000H
  fa                            trampoline: cli
  8cc8                          mov ax, cs
  8ed8                          mov ds, ax
  660f01161d00                  lgdt [gdtrCopy - trampoline]
  0f20c0                        mov eax, cr0
  6683c801                      or eax, 1
  0f22c0                        mov cr0, eax
  66eab30110001800              jmp far 18:ap32
  1f00cd011000                  gdtrCopy: limit and base of gdt
  ; 32-bit mode
  b810000000                    ap32: mov eax, 10H
  8ed8                          mov ds, eax
  8ed0                          mov ss, eax
  bbc6011000                    mov ebx, toAp64
  e9e3feffff                    jmp enter
  ea850110000800                toAp64: jmp far 8:ap64
  ; data
  0000000000000000              gdt: null
  ffff0000009baf00              .quad 00AF9B000000FFFFH
  ffff00000093cf00              .quad 00CF93000000FFFFH
  ffff0000009bcf00              .quad 00CF9B000000FFFFH
  1f00cd011000                  gdtr: limit and base of gdt
  0d0a00                        newline: .asciz "\\r\\n"
  36342d626974206d6f64650d0a00  mode: .asciz "64-bit mode\\r\\n"
  435055733a20                  count: .ascii "CPUs: "
  300d0a00                      digit: .asciz "0\\r\\n"
`;

/** What the guest prints. */
export function bootGuestOutput(commandLine: string, environment: string, cpus: number): string {
  return `${commandLine}\r\n${environment}64-bit mode\r\nCPUs: ${cpus}\r\n`;
}

/** Where the kernel goes on when it has come up, instead of ending. */
export interface Continuation {
  /** Linear address for the first CPU, in 64-bit mode, when all others have been counted. */
  readonly first: number;
  /** For the others, which must count themselves in CPUS_ONLINE. They have no stack. */
  readonly others: number;
}

/** The code from BOOT_GUEST_BASE on. */
export function bootGuestCode(continuation?: Continuation): Uint8Array<ArrayBuffer> {
  const code = LISTING.split('\n').map((line) => /^ {2}([0-9a-f]+)/.exec(line)?.[1] ?? '');
  const bytes = Buffer.from(code.join(''), 'hex');
  if (continuation !== undefined) {
    const end = bytes.indexOf('31c0baf4000000ef', 0, 'hex');
    const afterJump = BOOT_GUEST_BASE + end + 5;
    bytes[end] = JMP_REL32;
    bytes.writeInt32LE(continuation.first - afterJump, end + 1);
    bytes.writeUInt32LE(continuation.others, bytes.indexOf('ea850110000800', 0, 'hex') + 1);
  }
  return Uint8Array.from(bytes);
}

const JMP_REL32 = 0xe9;

/** The kernel as an ELF32 file. */
export function bootGuest(): Uint8Array<ArrayBuffer> {
  const segments = [{ physical: BOOT_GUEST_BASE, bytes: bootGuestCode(), memorySize: BOOT_GUEST_MEMORY }];
  return elf({ bits: 32, entry: BOOT_GUEST_ENTRY, segments });
}
