// Times are whole numbers of ticks, f64 where the host reads them and i64 where the interpreter counts.

/** A time below 2 ** 52 ticks as an integer: the sum has it in its low bits. Faster than a conversion, which checks its range. */
// @ts-ignore: decorator
@inline
export function whole(time: f64): u64 {
  return reinterpret<u64>(time + 4503599627370496.0) & 0xf_ffff_ffff_ffff;
}

// Of times, which are never NaN: the operators min and max of WebAssembly look for that as well.

// @ts-ignore: decorator
@inline
export function earlier(first: f64, second: f64): f64 {
  return second < first ? second : first;
}

// @ts-ignore: decorator
@inline
export function later(first: f64, second: f64): f64 {
  return second > first ? second : first;
}
