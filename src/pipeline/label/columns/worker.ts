/** The thread that reads labels: a million take seconds, in which the page that watches a run must not stand still. */
import { parentPort, workerData } from "node:worker_threads";
import { AlignError, messageOf } from "../../../base/core/errors.ts";
import { indexLabels } from "./build.ts";
import { COLUMNS, type ColumnName, type LabelIndex } from "./columns.ts";

/** What it says. */
export type IndexMessage =
  | { readonly kind: "progress"; readonly share: number }
  | { readonly kind: "done"; readonly index: LabelIndex }
  | { readonly kind: "failed"; readonly code: string; readonly text: string };

const say = (message: IndexMessage, transfer: ArrayBuffer[] = []) =>
  parentPort?.postMessage(message, transfer);

try {
  const { folder } = workerData as { folder: string };
  const index = await indexLabels(folder, { onProgress: (share) => say({ kind: "progress", share }) });
  say(
    { kind: "done", index },
    (Object.keys(COLUMNS) as ColumnName[]).map((name) => index[name].buffer as ArrayBuffer),
  );
} catch (error) {
  const code = error instanceof AlignError ? error.code : "internal";
  say({ kind: "failed", code, text: messageOf(error) });
}
