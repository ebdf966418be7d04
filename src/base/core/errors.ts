/**
 * Every error a user can meet. A message reads
 * `<where>: <what is wrong>, expected <x>, got <y>. <what to do>`.
 * Bugs of ours are plain `Error("internal: …")`.
 */

/** Base of all errors that are the input's, the machine's or the user's doing. */
export class AlignError extends Error {
  /** Stable, machine-readable kind: "config", "data", "checkpoint", … */
  readonly code: string;
  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
    this.name = new.target.name;
  }
}

/** A recipe, flag or option is wrong. Collects all issues and prints all of them. Exit code 2. */
export class ConfigError extends AlignError {
  readonly issues: readonly string[];
  constructor(issues: string | readonly string[], options?: { cause?: unknown }) {
    const list = typeof issues === "string" ? [issues] : issues;
    super("config", list.join("\n"), options);
    this.issues = list;
  }
}

/** A data file or one of its rows is wrong; `line` is 1-based, 0 when the whole file is meant. */
export class DataError extends AlignError {
  readonly file: string;
  readonly line: number;
  constructor(file: string, line: number, problem: string, options?: { cause?: unknown }) {
    super("data", `${file}${line > 0 ? `:${line}` : ""}: ${problem}`, options);
    this.file = file;
    this.line = line;
  }
}

/** A model folder, weight file or adapter is wrong. */
export class CheckpointError extends AlignError {
  readonly file: string;
  constructor(file: string, problem: string, options?: { cause?: unknown }) {
    super("checkpoint", `${file}: ${problem}`, options);
    this.file = file;
  }
}

/** Tensors do not fit together. */
export class ShapeError extends AlignError {
  readonly op: string;
  constructor(op: string, problem: string) {
    super("shape", `${op}: ${problem}`);
    this.op = op;
  }
}

/** A device or ONNX Runtime cannot do what was asked. */
export class BackendError extends AlignError {
  readonly backend: string;
  constructor(backend: string, problem: string, options?: { cause?: unknown }) {
    super("backend", `${backend}: ${problem}`, options);
    this.backend = backend;
  }
}

/** A loss, norm or score is not finite. */
export class NumericsError extends AlignError {
  constructor(where: string, problem: string) {
    super("numerics", `${where}: ${problem}`);
  }
}

/** The user asked to stop (Ctrl-C) and the work in hand was saved. Exit code 130. */
export class InterruptedError extends AlignError {
  constructor(where: string) {
    super("interrupted", `${where}: interrupted; what was finished is saved, run the same command to go on.`);
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Why a path could not be read (or what else `what` says), in words for the usual reasons. */
export function pathProblem(error: unknown, what = "cannot be read"): string {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? "";
  const known: Readonly<Record<string, string>> = {
    ENOENT: `${what}: there is no such file or folder. Check the path; relative ones start from the folder the command runs in.`,
    ENOTDIR: `${what}: what it says is a folder is a file. Check the path.`,
    EISDIR: `${what}: it is a folder, expected a file.`,
    EACCES: `${what}: permission denied.`,
  };
  return known[code] ?? `${what}: ${messageOf(error)}.`;
}

/**
 * What to say of an error that a library threw on a file from outside. A TypeError or RangeError in there speaks of the library's insides:
 * all it tells a person is that the file is not what it should be.
 */
export function innerMessage(error: unknown): string {
  const inside = error instanceof TypeError || error instanceof RangeError;
  return inside ? "it is damaged or not of this format" : messageOf(error).slice(0, 500);
}

/**
 * A value from outside for an error message: JSON, cut to `most` characters whatever its size, and to a few levels whatever its depth.
 */
export function show(value: unknown, most = 80): string {
  const text = JSON.stringify(clip(value, most, 4)) ?? "nothing";
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

function clip(value: unknown, most: number, depth: number): unknown {
  if (typeof value === "string") return value.slice(0, most);
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null) return value;
  if (depth === 0) return "…";
  if (Array.isArray(value)) return value.slice(0, most).map((item) => clip(item, most, depth - 1));
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, most)
      .map(([key, member]) => [key.slice(0, most), clip(member, most, depth - 1)]),
  );
}

/** Names from outside in a sentence: as many as can be read, each cut to a readable length, and how many more there are. */
export function listed(names: readonly string[], most = 20): string {
  const cut = (name: string) => (name.length > 80 ? `${name.slice(0, 79)}…` : name);
  const shown = names.slice(0, most).map(cut).join(", ");
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}

/** Marks a branch that the types say cannot be reached. */
export function unreachable(value: never): never {
  throw new Error(`internal: unexpected ${JSON.stringify(value)}`);
}
