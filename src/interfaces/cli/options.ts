/** Flags that several verbs share. Each is added only to verbs on which it has an effect. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { type Device, defaultThreads, parseDevice } from "../../engine/runtime/device.ts";

/** Where and on how many cores to compute. */
export type ComputeOptions = { readonly device: Device; readonly threads: number };

/** Adds `--device` and `--threads`. */
export function withCompute(command: Command): Command {
  return command
    .addOption(
      new Option("--device <name>", "where to compute: cpu, webgpu or cuda")
        .default("cpu")
        .argParser(parseDevice),
    )
    .addOption(
      new Option("--threads <n>", "cores to compute on")
        .argParser(wholeNumber(1, 4096))
        .default(defaultThreads(), "all cores"),
    );
}

/** Parser of a whole number in [min, max] for `Option.argParser`. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isInteger(value) || value < min || value > max)
      throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`);
    return value;
  };
}

/** Parser of a number above 0 for `Option.argParser`. */
export function positiveNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value <= 0)
    throw new InvalidArgumentError("Expected a number above 0.");
  return value;
}

/** Parser of names with commas between them. */
export function nameList(text: string): string[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.some((name) => name === ""))
    throw new InvalidArgumentError("Expected names with commas between them, as system,tools.");
  return names;
}

/** The part of a verb's help that shows how it is used. */
export function examples(lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ weak-teacher ${line}`).join("\n")}\n`;
}

/** Gathers a flag that may be given several times, for `Command.option`. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}
