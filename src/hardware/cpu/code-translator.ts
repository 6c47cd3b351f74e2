/** Translates code that is gone to often, in the place of the interpreter: src/translator. */
export interface CodeTranslator {
  /** Translates what begins at `record`, of the page of code map `map`; or leaves it to the interpreter. */
  translate(map: number, record: number): void;
  /** Leaves the page of `map` to the interpreter again. */
  forget(map: number): void;
  forgetAll(): void;
}
