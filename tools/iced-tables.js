// iced-x86 unpacks the tables of its decoder when the first one is made, which takes longer than the rest of its start. Here
// that happens at build time: the memory of the module begins as it is afterwards.
// It also begins with room for what decoding allocates. A memory that grows detaches its old buffer, and from the first
// buffer of a thread that is detached on, V8 asks before each access to any typed array whether that one's is.

const HEADER_BYTES = 8;
const MEMORY_SECTION = 5;
const DATA_SECTION = 11;
const PAGE_BYTES = 65_536;
/** A segment takes a few bytes itself: it goes on across fewer zeros than that. */
const GAP_BYTES = 16;
const RESULT_BYTES = 16;
/** Decoding frees what it allocates, and never has as much at a time. */
const ROOM_BYTES = 1 << 20;

const I32_CONST = 0x41;
const END = 0x0b;

/** The WebAssembly module `wasm` with the memory of an instance that has made a decoder. */
export function withTables(/** @type {Uint8Array} */ wasm) {
  const module = new WebAssembly.Module(wasm);
  const hooks = Object.fromEntries(WebAssembly.Module.imports(module).map(({ name }) => [name, refuse]));
  const { exports } = new WebAssembly.Instance(module, { __wbindgen_placeholder__: hooks });
  makeDecoder(exports);
  exports.__wbindgen_free(exports.__wbindgen_malloc(ROOM_BYTES, 1), ROOM_BYTES, 1);
  return withMemory(wasm, new Uint8Array(exports.memory.buffer));
}

function refuse() {
  throw new Error('iced-x86 is not as expected: to make a decoder needs JavaScript');
}

/** As the constructor of the package's class does it; the decoder is freed at once. */
function makeDecoder(/** @type {any} */ exports) {
  const result = exports.__wbindgen_add_to_stack_pointer(-RESULT_BYTES);
  exports.decoder_new(result, 64, exports.__wbindgen_malloc(1, 1), 1, 0);
  const [decoder, , error] = new Int32Array(exports.memory.buffer, result, 3);
  if (error !== 0) throw new Error('iced-x86 is not as expected: it makes no decoder');
  exports.__wbg_decoder_free(decoder);
  exports.__wbindgen_add_to_stack_pointer(RESULT_BYTES);
}

/** `wasm` with `memory` in place of its data. */
function withMemory(/** @type {Uint8Array} */ wasm, /** @type {Uint8Array} */ memory) {
  const pages = memory.length / PAGE_BYTES;
  const parts = [wasm.subarray(0, HEADER_BYTES)];
  for (const { id, content } of sectionsOf(wasm)) {
    if (id === MEMORY_SECTION) parts.push(section(id, [Uint8Array.of(1, 0), number(pages)]));
    else if (id === DATA_SECTION) parts.push(section(id, segmentsOf(memory)));
    else parts.push(section(id, [content]));
  }
  return Buffer.concat(parts);
}

/** Each section of a module. */
function* sectionsOf(/** @type {Uint8Array} */ wasm) {
  for (let at = HEADER_BYTES; at < wasm.length;) {
    const id = wasm[at++];
    let size = 0;
    for (let shift = 0, more = true; more; shift += 7) {
      size |= (wasm[at] & 0x7f) << shift;
      more = wasm[at++] >= 0x80;
    }
    yield { id, content: wasm.subarray(at, at + size) };
    at += size;
  }
}

function section(/** @type {number} */ id, /** @type {Uint8Array[]} */ content) {
  const bytes = Buffer.concat(content);
  return Buffer.concat([Uint8Array.of(id), number(bytes.length), bytes]);
}

/** The content of a data section: what is not zero. */
function segmentsOf(/** @type {Uint8Array} */ memory) {
  const segments = [];
  for (let at = 0; at < memory.length;) {
    const end = endOfData(memory, at);
    if (end > at) {
      segments.push(Uint8Array.of(0, I32_CONST), number(at, true), Uint8Array.of(END), number(end - at));
      segments.push(memory.subarray(at, end));
    }
    for (at = end; memory[at] === 0; at++);
  }
  return [number(segments.length / PARTS), ...segments];
}

/** Parts of a segment. */
const PARTS = 5;

/** Where the next gap begins. */
function endOfData(/** @type {Uint8Array} */ memory, /** @type {number} */ from) {
  let end = from;
  for (let at = from; at < memory.length && at - end < GAP_BYTES; at++) if (memory[at] !== 0) end = at + 1;
  return end;
}

/** In LEB128, as an i32 (`signed`) or as a u32. */
function number(/** @type {number} */ value, signed = false) {
  const bytes = [];
  for (let rest = value; ; rest >>>= 7) {
    const isLast = rest < (signed ? 0x40 : 0x80);
    bytes.push(isLast ? rest : (rest & 0x7f) | 0x80);
    if (isLast) return Uint8Array.from(bytes);
  }
}
