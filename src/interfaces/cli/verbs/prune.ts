/** `weak-teacher prune`: frees the disk of what a run or a study need not keep; says first what that is. */
import type { Command } from "commander";
import { formatBytes } from "../../../base/core/log.ts";
import type { Pruned, PrunedPart } from "../../../pipeline/run/prune.ts";
import { examples, nameList } from "../options.ts";
import { packageVersion } from "../package.ts";
import { act, type Session } from "../session.ts";

type PruneFlags = { readonly keep?: string[]; readonly attempts?: true; readonly yes?: true };

/** Adds the verb `prune`. */
export function addPrune(program: Command): void {
  program
    .command("prune")
    .description("free the disk of a run's models, or a study's; labels, responses, metrics and reports stay")
    .argument("<folder>", "a run's folder, that of several seeds, or a study's")
    .option(
      "--keep <names>",
      "models that stay: students, starts (fine-tuned), teachers, bases, or names of stages, as student-weak",
      nameList,
    )
    .option("--attempts", "also remove what attempts that were cut off left, which a later run goes on from")
    .option("--yes", "remove it; without, only say what would be freed")
    .addHelpText(
      "after",
      examples(["prune runs/demo", "prune runs/demo --keep students --yes", "prune runs/studies --yes"]),
    )
    .action(act(runPrune));
}

async function runPrune(session: Session, folder: string, flags: PruneFlags): Promise<void> {
  const { pruneFolder } = await import("../../../pipeline/run/prune.ts");
  const { keep = [], attempts = false, yes = false } = flags;
  const pruned = await pruneFolder(folder, { code: packageVersion(), keep, attempts, apply: yes });
  session.result(pruned, wordsOf(pruned));
}

function wordsOf({ folder, models, attempts, bytes, applied, finished }: Pruned): string {
  const parts = [...models, ...attempts];
  const gone = parts.filter(({ kept }) => kept === null);
  if (parts.length === 0) return `${folder}: nothing to prune, no weights are left`;
  const width = Math.max(...parts.map(({ stage }) => stage.length));
  const line = ({ stage, bytes: size, kept }: PrunedPart, attempt: boolean) =>
    `  ${stage.padEnd(width)}  ${formatBytes(size).padStart(8)}${attempt ? "  cut off" : ""}${kept === null ? "" : `  stays: ${kept}`}`;
  return [
    `${folder}: ${formatBytes(bytes)} ${applied ? "freed" : "would be freed"}`,
    ...models.map((part) => line(part, false)),
    ...attempts.map((part) => line(part, true)),
    ...(finished ? [] : ["It is not finished: only students that were measured go."]),
    ...(gone.length === 0 || applied
      ? []
      : ["Nothing was removed. To do it, give the same command with --yes."]),
    "Labels, scores, responses, metrics and reports stay. A later run makes a model again only where a stage after it runs.",
  ].join("\n");
}
