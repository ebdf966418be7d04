/** What the verbs take when a program calls them, in the words of recipes and flags. */

import type { Log } from "../../base/core/log.ts";
import { ownManifest } from "../../base/core/packages.ts";
import type { Device } from "../../engine/runtime/device.ts";
import { parseColumnMap } from "../../method/data/adapters/column-map.ts";
import type { PairOptions } from "../../method/data/pairs.ts";

/** How a verb works; all may be left out. */
export type Work = {
  /** Where to compute, default cpu. */
  readonly device?: Device | undefined;
  /** Cores to compute on, default all. */
  readonly threads?: number | undefined;
  /** Hears of progress and warnings; default silent. */
  readonly log?: Log | undefined;
  /** Ends the work; what is finished is kept. */
  readonly signal?: AbortSignal | undefined;
};

/** Of a verb that fills a folder: called again, it goes on, or says that the result is there. */
export type Into = Work & {
  readonly out: string;
  /** Say what would be done, and do nothing. */
  readonly dryRun?: boolean | undefined;
  /** Start over, whatever is kept. */
  readonly fresh?: boolean | undefined;
};

/** How data files are read and how long their rows may be; as the flags of the same names. */
export type Reading = {
  /** Columns, as `prompt=question,chosen=best,rejected=worst`. */
  readonly map?: string | undefined;
  /** The name of a known shape; default: detected. */
  readonly format?: string | undefined;
  /** Whether the first line of a CSV or TSV file names its columns; default: worked out. */
  readonly header?: boolean | undefined;
  /** What is left out on purpose: columns, members of messages, kinds of content parts. */
  readonly ignore?: readonly string[] | undefined;
  /** Default `fail`. */
  readonly onBadRow?: "fail" | "skip" | undefined;
  /** Most pairs, from the front. */
  readonly limit?: number | undefined;
  /** Most tokens of a prompt with one response; default 512, or the model's positions where these are fewer. */
  readonly maxLength?: number | undefined;
  /** Most tokens of a prompt; default half of `maxLength`, at most 256. */
  readonly maxPromptLength?: number | undefined;
};

/** Settings as a recipe's section writes them, `{ learning_rate: 1e-5, loss: "ipo" }`, or as texts of `--set`. */
export type Settings = Readonly<Record<string, unknown>> | readonly string[];

/** Settings as texts of `--set`: JSON is YAML. */
export const settingTexts = (settings: Settings = {}): readonly string[] =>
  Array.isArray(settings)
    ? settings
    : Object.entries(settings).map(([name, value]) => `${name}=${JSON.stringify(value)}`);

/** Version of this package: part of every stage's key. */
export const code = (): string => ownManifest().version;

/** A verb's way of working in the words of the pipeline. */
export function howOf({ device, threads, log, signal }: Work) {
  return { ...given({ device, threads, log, signal }), code: code() };
}

/** A verb's folder in the words of the pipeline. */
export function intoOf({ out, dryRun, fresh, ...work }: Into) {
  return { ...howOf(work), out, dryRun: dryRun === true, fresh: fresh === true };
}

/** How a data file is read, in the words of the data room. @throws ConfigError for a bad `map` */
export function pairReading({ map, format, header, ignore, onBadRow = "fail", limit }: Reading): PairOptions {
  return {
    onBadRow,
    ...given({ format, header, ignore, limit }),
    ...(map === undefined ? {} : { map: parseColumnMap(map) }),
  };
}

/** The members that are not undefined. */
export function given<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as never;
}
