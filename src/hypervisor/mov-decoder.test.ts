import { describe, expect, it } from 'vitest';
import { decodeMov, type MovAccess } from './mov-decoder.js';

/** The decoded access, or null. */
function decode(...bytes: number[]): MovAccess | null {
  const access: MovAccess = {
    write: false,
    size: 0,
    register: 0,
    highByte: false,
    immediate: 0,
    registerSize: 0,
    signExtend: false,
    length: 0,
  };
  return decodeMov(Uint8Array.from([...bytes, ...new Array<number>(15 - bytes.length).fill(0)]), access)
    ? access
    : null;
}

describe('decodeMov', () => {
  // prettier-ignore
  it.each([
    ['mov [rax], ecx',                [0x89, 0x08],                                      { write: true, size: 4, register: 1, length: 2 }],
    ['mov [rax+300h], r9d',           [0x44, 0x89, 0x88, 0, 3, 0, 0],                    { write: true, size: 4, register: 9, length: 7 }],
    ['mov [rdi], rsi',                [0x48, 0x89, 0x37],                                { write: true, size: 8, register: 6, length: 3 }],
    ['mov [fee000b0h], eax',          [0x89, 0x04, 0x25, 0xb0, 0, 0xe0, 0xfe],           { write: true, size: 4, register: 0, length: 7 }],
    ['mov [rip+10h], eax',            [0x89, 0x05, 0x10, 0, 0, 0],                       { write: true, size: 4, register: 0, length: 6 }],
    ['mov dword [rax+0b0h], 0',       [0xc7, 0x80, 0xb0, 0, 0, 0, 0, 0, 0, 0],           { write: true, size: 4, register: -1, immediate: 0, length: 10 }],
    ['mov qword [rax], -2',           [0x48, 0xc7, 0x00, 0xfe, 0xff, 0xff, 0xff],        { write: true, size: 8, register: -1, immediate: -2, length: 7 }],
    ['mov word [rax+8], 1234h',       [0x66, 0xc7, 0x40, 8, 0x34, 0x12],                 { write: true, size: 2, register: -1, immediate: 0x1234, length: 6 }],
    ['mov byte [rax], 80h',           [0xc6, 0x00, 0x80],                                { write: true, size: 1, register: -1, immediate: -128, length: 3 }],
    ['mov [rax], ah',                 [0x88, 0x20],                                      { write: true, size: 1, register: 0, highByte: true, length: 2 }],
    ['mov [rax], spl',                [0x40, 0x88, 0x20],                                { write: true, size: 1, register: 4, highByte: false, length: 3 }],
    ['mov eax, [rbx+rcx*4+20h]',      [0x8b, 0x44, 0x8b, 0x20],                          { write: false, size: 4, register: 0, registerSize: 4, length: 4 }],
    ['mov r15, [rsp]',                [0x4c, 0x8b, 0x3c, 0x24],                          { write: false, size: 8, register: 15, registerSize: 8, length: 4 }],
    ['movzx eax, byte [rdx]',         [0x0f, 0xb6, 0x02],                                { write: false, size: 1, registerSize: 4, signExtend: false, length: 3 }],
    ['movsx rax, word [rdx]',         [0x48, 0x0f, 0xbf, 0x02],                          { write: false, size: 2, registerSize: 8, signExtend: true, length: 4 }],
    ['movsxd rax, dword [rdx]',       [0x48, 0x63, 0x02],                                { write: false, size: 4, registerSize: 8, signExtend: true, length: 3 }],
    ['mov eax, [fee00020h]',          [0xa1, 0x20, 0, 0xe0, 0xfe, 0, 0, 0, 0],           { write: false, size: 4, register: 0, registerSize: 4, length: 9 }],
    ['mov [fee00080h], rax',          [0x48, 0xa3, 0x80, 0, 0xe0, 0xfe, 0, 0, 0, 0],     { write: true, size: 8, register: 0, length: 10 }],
    ['mov [fee00080h], al (32-bit)',  [0x67, 0xa2, 0x80, 0, 0xe0, 0xfe],                 { write: true, size: 1, register: 0, length: 6 }],
    ['movzx esp, byte [rdx]',         [0x0f, 0xb6, 0x22],                                { register: 4, highByte: false, size: 1 }],
  ])('%s', (_, bytes, expected) => {
    expect(decode(...bytes)).toMatchObject(expected);
  });

  it.each([
    ['a register operand', [0x89, 0xc8]],
    ['a read-modify-write instruction', [0x01, 0x08]],
    ['a string instruction', [0xa5]],
  ])('refuses %s', (_, bytes) => {
    expect(decode(...bytes)).toBeNull();
  });
});
