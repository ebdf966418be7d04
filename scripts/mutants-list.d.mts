/** A named mutation: `find` stands once in `file`; with `replace` there, one of `tests` must fail. */
export type Mutant = {
  readonly name: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  readonly tests: readonly string[];
};
export const mutants: readonly Mutant[];
