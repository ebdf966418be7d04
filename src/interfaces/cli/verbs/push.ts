/** `weak-teacher push`: labels or a model to the hub, with a card. */
import type { Command } from "commander";
import { formatBytes } from "../../../base/core/log.ts";
import type { PushOutcome } from "../../../pipeline/export/push.ts";
import { examples } from "../options.ts";
import { packageVersion } from "../package.ts";
import { act, type Session } from "../session.ts";

type PushOptions = { readonly public?: boolean; readonly license?: string; readonly dryRun?: boolean };

/** Adds the verb `push`. */
export function addPush(program: Command): void {
  program
    .command("push")
    .description(
      "send labels or a model to a repository of the Hugging Face hub, with a card that says how they were made",
    )
    .argument(
      "<folder>",
      "of labels, or of a model: what label, sft, prefer or reward wrote, or a stage of a run",
    )
    .argument("<repository>", "hub:Owner/name; made if it is not there")
    .option("--public", "let anybody read a repository that this makes; default its owner alone")
    .option("--license <id>", "licence for the card, default unknown")
    .option("--dry-run", "print the card and the files, and send nothing")
    .addHelpText(
      "after",
      examples(["push labels hub:me/labels --dry-run", "push models/dpo hub:me/student --license mit"]),
    )
    .addHelpText(
      "after",
      "The token is read from HF_TOKEN, or from the file of `hf auth login`. docs/hub.md says more.",
    )
    .action(act(runPush));
}

async function runPush(session: Session, folder: string, to: string, options: PushOptions): Promise<void> {
  const { pushFolder } = await import("../../../pipeline/export/push.ts");
  const { log, signal } = session;
  const outcome = await pushFolder(folder, { ...options, to, code: packageVersion(), log, signal });
  session.result(outcome, textOf(outcome));
}

function textOf({ repo, type, url, commit, files, leftOut, card }: PushOutcome): string {
  const lines = [
    ...files.map(({ name, bytes }) => `  ${name}, ${formatBytes(bytes)}`),
    ...(leftOut.length === 0 ? [] : [`stays here: ${leftOut.join(", ")}`]),
  ];
  return url === undefined
    ? [`hub:${repo} (${type}) would get README.md and`, ...lines, "", card].join("\n")
    : [`hub:${repo}@${commit} (${type}): README.md and`, ...lines, url].join("\n");
}
