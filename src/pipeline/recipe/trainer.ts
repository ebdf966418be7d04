/** Who trains a model of a recipe: this program, or a trainer of others on the same rows and settings. */
import { z } from "zod";
import { choice, count } from "../../base/settings/parts.ts";

const trl = z.strictObject({
  kind: z.literal("trl"),
  python: z
    .string()
    .min(1)
    .default("python3")
    .describe("Python that has TRL: a path, such as .venv/bin/python, or a name that is looked for."),
  launch: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe(
      "Command that starts the training's processes, put before the script, such as [accelerate, launch, --config_file, fsdp2.yaml]; looked for beside python first. Default: python alone.",
    ),
  gpus: z
    .number()
    .int()
    .min(0)
    .default(0)
    .describe(
      "GPUs that the batch is divided over, in bfloat16, one process each; 0 trains on processors in float32.",
    ),
  processes: count
    .optional()
    .describe("Processes that launch starts on processors, default 1; with gpus there is one for each."),
  anyVersion: z
    .boolean()
    .default(false)
    .describe("Take versions of TRL and transformers that this trainer was not tested with."),
});

/** Section `trainer`, of a student and of a teacher that learns. */
export const trainerSchema = choice(
  "kind",
  "here",
  z
    .discriminatedUnion("kind", [z.strictObject({ kind: z.literal("here") }), trl])
    .refine((trainer) => trainer.kind === "here" || trainer.gpus === 0 || trainer.processes === undefined, {
      path: ["processes"],
      error: "has no effect with gpus: there is one process for each. Leave it out.",
    })
    .refine(
      (trainer) => trainer.kind === "here" || trainer.launch !== undefined || processesOf(trainer) === 1,
      {
        path: ["launch"],
        error:
          "is missing: it starts the processes, such as [torchrun, --standalone, --nproc_per_node, '2'].",
      },
    ),
  "Who trains: this program (here), or TRL's trainers in a Python of yours (trl).",
);

/** TRL in a Python of the user's. */
export type TrlTrainer = z.output<typeof trl>;

/** A trainer of others, undefined where this program trains. */
export const trainerOf = (trainer: z.output<typeof trainerSchema>): TrlTrainer | undefined =>
  trainer.kind === "here" ? undefined : trainer;

/** How many processes train beside each other. */
export const processesOf = ({ gpus, processes }: Pick<TrlTrainer, "gpus" | "processes">): number =>
  gpus > 0 ? gpus : (processes ?? 1);
