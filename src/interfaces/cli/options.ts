/** Flags that several verbs share. Each is added only to verbs on which it has an effect. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { messageOf } from "../../base/core/errors.ts";
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

/** Parser of a share above 0, at most 1. */
export function shareNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value > 0 && value <= 1))
    throw new InvalidArgumentError("Expected a share above 0, at most 1.");
  return value;
}

/** Parser of whole numbers above 0 with commas between them. */
export function wholeNumbers(text: string): number[] {
  const values = text.split(",").map(Number);
  if (text.trim() === "" || !values.every((value) => Number.isInteger(value) && value > 0))
    throw new InvalidArgumentError("Expected whole numbers above 0 with commas between them, as 100,400.");
  return values;
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

/** Parser of shares with commas between them. */
export function rates(text: string): number[] {
  const values = text.split(",").map(Number);
  if (values.some((rate) => !(rate >= 0 && rate <= 1)))
    throw new InvalidArgumentError("Expected shares from 0 to 1, separated by commas.");
  return values;
}

/** Parser of two prices, of questions and of replies. */
export function twoPrices(text: string): [number, number] {
  const values = text.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  const [input, output] = values;
  if (values.length !== 2 || !values.every((price) => price >= 0 && Number.isFinite(price)))
    throw new InvalidArgumentError("Expected two prices per million tokens, as 2.5,10.");
  return [input!, output!];
}

/** Parser of a temperature of sampling. */
export function temperature(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0 && value <= 2))
    throw new InvalidArgumentError("Expected a number from 0 to 2.");
  return value;
}

/** Parser of a JSON object. */
export function requestBody(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
  } catch (error) {
    throw new InvalidArgumentError(`Expected a JSON object: ${messageOf(error)}.`);
  }
  throw new InvalidArgumentError("Expected a JSON object.");
}
