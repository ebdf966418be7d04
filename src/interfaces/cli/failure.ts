/**
 * The one place where a failure becomes text and an exit code: 0 done, 1 the run failed, 2 the invocation or the
 * recipe is wrong, 130 interrupted.
 */
import { type Command, CommanderError } from "commander";
import { AlignError, messageOf } from "../../base/core/errors.ts";
import { redact } from "../../base/core/redact.ts";
import { printed, printedJson } from "../../base/core/visible.ts";
import { lackingFlags } from "./lacking.ts";

/** Exit code of anything that was thrown. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (!(error instanceof AlignError)) return 1;
  return error.code === "config" ? 2 : error.code === "interrupted" ? 130 : 1;
}

/**
 * What a person reads. An error of the input's or the machine's doing is its message alone; anything else is a fault of
 * this program and says so, with the stack when `debug` is set.
 */
export function explain(error: unknown, debug: boolean): string {
  // commander has printed its own message already.
  if (error instanceof CommanderError) return "";
  const stack = error instanceof Error && error.stack !== undefined ? error.stack : messageOf(error);
  if (error instanceof AlignError) return `error: ${error.message}\n${debug ? `${stack}\n` : ""}`;
  const advice = debug ? "" : " Run again with --debug to see where, and report it.";
  return `error: ${messageOf(error)}\nThis is a bug in weak-teacher.${advice}\n${debug ? `${stack}\n` : ""}`;
}

/** Prints a failure (with `--json` also as an object on stdout) and sets the exit code. @param argv - words after the program's name */
export function exitWith(error: unknown, argv: readonly string[], program: Command): void {
  const exitCode = exitCodeOf(error);
  process.exitCode = exitCode;
  const notes = error instanceof AlignError ? lackingFlags(error.message, program, argv) : [];
  const text = [explain(error, argv.includes("--debug")), ...notes.map((note) => `${note}\n`)].join("");
  process.stderr.write(printed(redact(text)));
  if (exitCode === 0 || !argv.includes("--json")) return;
  const code =
    error instanceof CommanderError ? "config" : error instanceof AlignError ? error.code : "internal";
  process.stdout.write(`${printedJson({ error: { code, message: redact(messageOf(error)), exitCode } })}\n`);
}
