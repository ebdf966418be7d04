/** What an export is made of: rows, the recipe's settings for one student, and what the other tool gets. */
import { ConfigError } from "../../base/core/errors.ts";
import type { LoraOptions } from "../../engine/model/lora.ts";
import type { TokenLimits } from "../../engine/text/pair.ts";
import type { Text } from "../../method/data/rows.ts";
import type { ResolvedLossSpec } from "../../method/objective/loss-spec.ts";
import type { TrainSettings } from "../../method/train/settings.ts";

/** Trainers that are written for. */
export const EXPORT_TOOLS = ["trl", "llama-factory", "axolotl", "openrlhf"] as const;

/** One of them. */
export type ExportTool = (typeof EXPORT_TOOLS)[number];

/** One preference; the numbers are there where labels gave them. */
export type ExportRow = {
  readonly id: string;
  readonly prompt: Text;
  readonly chosen: Text;
  readonly rejected: Text;
  /** In the weight form's range, 0 or more. */
  readonly weight?: number;
  /** Calibrated, in [0, 1]. */
  readonly pChosen?: number;
};

/** How one student is trained; undefined stages are not exported. */
export type StudentSettings = {
  /** Folder or hub name of the base model, as the other machine will find it. */
  readonly model: string;
  readonly sft: TrainSettings | undefined;
  /** True where fine-tuning trains adapters here; exports train all weights, and say so. */
  readonly sftLora: boolean;
  readonly prefer: TrainSettings | undefined;
  readonly loss: ResolvedLossSpec | undefined;
  /** Its targets named, for tools differ in what they adapt otherwise. */
  readonly lora: (LoraOptions & { readonly targetModules: readonly string[] }) | undefined;
  readonly limits: TokenLimits;
  readonly seed: number;
};

/** What a tool's writer is given. */
export type ToolInput = {
  readonly rows: readonly ExportRow[];
  /** Rows whose preferred responses are learned before; read where there is an SFT stage. */
  readonly sftRows: readonly ExportRow[];
  readonly student: StudentSettings;
  /** GPUs the batch is spread over; 0 trains on processors. */
  readonly gpus: number;
  /** True where weights were used up by resampling or filtering, or are all 1. */
  readonly weightsDone: boolean;
};

/** A file of an export: text, bytes, or JSON Lines of records. */
export type ExportFile =
  | { readonly path: string; readonly text: string }
  | { readonly path: string; readonly bytes: Uint8Array }
  | { readonly path: string; readonly records: readonly object[] };

/** What a tool's writer gives. */
export type ToolOutput = {
  readonly files: readonly ExportFile[];
  /** Shell commands that train, in order, from inside the export's folder. */
  readonly commands: readonly string[];
  /** Settings of the recipe that the tool has no word for, and what it does instead. */
  readonly notCarried: readonly string[];
  /** What else a person must know. */
  readonly notes: readonly string[];
};

/** True where rows hold message lists. @throws ConfigError when forms are mixed */
export function isConversational(rows: readonly ExportRow[]): boolean {
  const forms = new Set(
    rows.flatMap(({ prompt, chosen, rejected }) => [prompt, chosen, rejected]).map((text) => typeof text),
  );
  if (forms.size > 1)
    throw new ConfigError(
      "export: rows mix plain text and message lists, which no trainer reads. Export data of one form.",
    );
  return forms.has("object");
}

/** A batch as one device sees it (processors are one): its largest divisor up to 8 rows, and how many of these make one step. */
export function splitBatch(batch: number, devices: number): { perDevice: number; accumulation: number } {
  const gpus = Math.max(devices, 1);
  if (batch % gpus !== 0)
    throw new ConfigError(
      `--gpus ${gpus}: does not divide the batch of ${batch} rows; the step would not be the recipe's. Choose a divisor.`,
    );
  const each = batch / gpus;
  const perDevice = [8, 7, 6, 5, 4, 3, 2, 1].find((size) => each % size === 0)!;
  return { perDevice, accumulation: each / perDevice };
}
