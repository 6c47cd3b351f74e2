/**
 * Results of KVM's internal functions and ioctls: 0 or a non-negative value on success, -errno on failure, as in the
 * kernel (asm-generic/errno-base.h).
 */
export const EIO = 5;
export const ENOMEM = 12;
export const EEXIST = 17;
export const EINVAL = 22;

/** Whether a result is an error. */
export function isError(result: number): boolean {
  return result < 0;
}
