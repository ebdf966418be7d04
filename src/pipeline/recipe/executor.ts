/** Where the stages of a run are computed: in this process, or as jobs of a Slurm or Ray cluster. Nothing here changes a result. */
import { z } from "zod";
import { choice, count } from "../../base/settings/parts.ts";
import { apiKeyEnv } from "../../base/settings/server.ts";

const word = (doc: string) =>
  z
    .string()
    .regex(/^[^\s'"\\]+$/, "expected one word without quotes")
    .optional()
    .describe(doc);

/** Given once on every job by the executor itself. */
const OWN = ["array", "dependency", "job-name", "output", "error", "chdir", "parsable", "wrap", "wait"];
const OWN_SHORT = ["a", "d", "J", "o", "e", "D", "W"];

const directive = z
  .string()
  .regex(/^--?[A-Za-z][^\n\r]*$/, "expected one option of sbatch, such as --constraint=a100")
  .refine(
    (line) =>
      !OWN.some((name) => new RegExp(`^--${name}([= ]|$)`).test(line)) &&
      !OWN_SHORT.some((name) => new RegExp(`^-${name}`).test(line)),
    "is given by the executor itself. Remove it.",
  );

const line = z.string().regex(/^[^\n\r]+$/, "expected one line");

const stageName = z.string().regex(/^[a-z0-9*-]+$/, "expected the name of a stage, with * for any letters");

const array = count
  .max(4096)
  .optional()
  .describe("Tasks that share the stage's work; for stages whose work is cut into shards.");

const cpus = count
  .max(4096)
  .optional()
  .describe("Cores of a job, and threads it computes on; default the recipe's threads, or 1.");

/** How jobs are started and followed, whichever cluster it is. */
const following = {
  command: z
    .array(line)
    .min(1)
    .optional()
    .describe("How weak-teacher is started on a node; default this node and this package, by their paths."),
  pollSeconds: z.number().min(0.1).default(10).describe("Between two looks at the jobs."),
};

/** 30 in YAML is a number, 4:00:00 a text; both are what Slurm reads. */
const amount = (form: RegExp, problem: string) =>
  z.preprocess(
    (value) => (typeof value === "number" ? String(value) : value),
    z.string().regex(form, problem).optional(),
  );

/** What a job asks the cluster for. */
const resources = {
  partition: word("Partition (sbatch --partition)."),
  account: word("Account (sbatch --account)."),
  qos: word("Quality of service (sbatch --qos)."),
  time: amount(
    /^(\d+-)?\d+(:\d+){0,2}$/,
    "expected Slurm's form, such as 30 (minutes), 4:00:00 or 2-12 (days-hours)",
  ).describe("Time limit of a job, in Slurm's form. A job that reaches it is submitted again and goes on."),
  cpus,
  memory: amount(/^\d+[KMGT]?$/, "expected a number with K, M, G or T, such as 16G").describe(
    "Memory of a job (sbatch --mem).",
  ),
  gres: word("Generic resources such as gpu:1 (sbatch --gres)."),
  extra: z.array(directive).optional().describe("More options of sbatch, one #SBATCH line each."),
};

/** Resources of some stages; `extra` comes after that of all stages. */
const stageResourcesSchema = z.strictObject({ ...resources, array });

/** Ray's words: quantities that a job holds while it runs. */
const rayResources = {
  cpus,
  gpus: z.number().min(0).optional().describe("GPUs of a job, parts of one too (entrypoint_num_gpus)."),
  memory: amount(/^\d+[KMGT]$/, "expected a number with K, M, G or T, such as 16G").describe(
    "Memory that Ray sets aside for a job (entrypoint_memory); it is no limit.",
  ),
  resources: z
    .record(z.string().min(1), z.number().positive())
    .optional()
    .describe("The cluster's own resources by name (entrypoint_resources)."),
};

const rayStageSchema = z.strictObject({ ...rayResources, array });

const ray = z.strictObject({
  kind: z.literal("ray"),
  address: z
    .string()
    .min(1)
    .default("http://127.0.0.1:8265")
    .describe("The dashboard of the cluster, whose REST interface takes jobs."),
  apiKeyEnv: apiKeyEnv.describe(
    "Environment variable that holds the cluster's token; the token itself is kept nowhere.",
  ),
  ...rayResources,
  stages: z
    .record(stageName, rayStageSchema)
    .default({})
    .describe("Resources of stages by name, such as student-* or pool-scores; the last that fits counts."),
  env: z
    .record(z.string().regex(/^[A-Za-z_]\w*$/, "expected a variable's name"), z.string())
    .default({})
    .describe(
      "Environment variables of every job. They are readable on the cluster's dashboard: no secrets.",
    ),
  setup: z
    .array(line)
    .default([])
    .describe("Shell commands before every job, such as source /etc/profile; one that fails ends it."),
  ...following,
  retries: z
    .number()
    .int()
    .min(0)
    .default(3)
    .describe("How often a job is submitted again that its node or a signal ended."),
});

/** The section `executor`. */
export const executorSchema = choice(
  "kind",
  "local",
  z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("local") }),
    z.strictObject({
      kind: z.literal("slurm"),
      ...resources,
      stages: z
        .record(stageName, stageResourcesSchema)
        .default({})
        .describe(
          "Resources of stages by name, such as student-* or pool-scores; the last that fits counts.",
        ),
      setup: z
        .array(line)
        .default([])
        .describe("Shell lines at the start of every job, such as module load nodejs."),
      ...following,
      retries: z
        .number()
        .int()
        .min(0)
        .default(3)
        .describe(
          "How often a job is submitted again that its node, its time limit, preemption or scancel of an array task ended.",
        ),
    }),
    ray,
  ]),
  "Where stages are computed: local is this process, slurm and ray submit a job per stage to a cluster.",
);

/** The section, resolved. */
export type Executor = z.output<typeof executorSchema>;

/** Settings of the Slurm executor. */
export type SlurmSettings = Extract<Executor, { kind: "slurm" }>;

/** Settings of the Ray executor. */
export type RaySettings = Extract<Executor, { kind: "ray" }>;

/** Resources of one stage on Slurm. */
export type StageResources = z.output<typeof stageResourcesSchema>;
