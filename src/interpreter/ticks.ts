// Times are whole numbers of ticks, f64 where the host reads them and i64 where the interpreter counts.

/** A time below 2 ** 52 ticks as an integer: the sum has it in its low bits. Faster than a conversion, which checks its range. */
// @ts-ignore: decorator
@inline
export function whole(time: f64): u64 {
  return reinterpret<u64>(time + 4503599627370496.0) & 0xf_ffff_ffff_ffff;
}
