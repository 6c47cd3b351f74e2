/** Why an image file cannot be loaded: what, where in the file, and the way out. */
export interface LoadProblem {
  readonly kind: 'problem';
  /** Byte offset in the image file that the message is about; 0 when it is about the file as a whole. */
  readonly offset: number;
  readonly message: string;
  readonly hint: string;
}

/** Makes a LoadProblem. */
export function loadProblem(offset: number, message: string, hint: string): LoadProblem {
  return { kind: 'problem', offset, message, hint };
}

/** An address or a size as messages print it: `100000H`. */
export function hex(value: number): string {
  return `${value.toString(16).toUpperCase()}H`;
}
