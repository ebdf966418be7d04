/** The first half of a job (data, teachers, labels) on tiny models, in this process: a recipe's text in, the labels' folder out. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog } from "../../src/base/core/log.ts";
import { parseDocumentText } from "../../src/base/settings/document.ts";
import { openRuntime, type Runtime } from "../../src/engine/runtime/runtime.ts";
import type { Label } from "../../src/method/labels/label.ts";
import { type LabelFacts, readLabelFacts, readLabels } from "../../src/pipeline/job/label-stages.ts";
import { runLabelling, runMainJob } from "../../src/pipeline/job/main-job.ts";
import { jobOf } from "../../src/pipeline/recipe/job.ts";
import { resolveRecipe } from "../../src/pipeline/recipe/parse.ts";
import type { JobDeps } from "../../src/pipeline/stages/deps.ts";
import { openPipeline } from "../../src/pipeline/stages/pipeline.ts";
import type { Artefact } from "../../src/pipeline/stages/stage.ts";
import type { StageStep } from "../../src/pipeline/stages/steps.ts";
import { writeTinyModel } from "./tiny-model.ts";

/** Labels of a recipe and the stages that made them. */
export type TinyLabels = {
  readonly folder: Artefact;
  readonly labels: readonly Label[];
  readonly facts: LabelFacts;
  readonly steps: readonly StageStep[];
};

/** A place where tiny jobs run. */
export interface TinyJobs {
  readonly folder: string;
  at(...parts: string[]): string;
  /** Runs a job up to its labels. @param sections - YAML laid beside models and data; @param run - folder that keeps stages; pairs - default `pairs.jsonl` */
  label(sections: string, run?: string, pairs?: string): Promise<TinyLabels>;
  /** Runs a job with its students. */
  train(sections: string, run?: string, pairs?: string): Promise<readonly StageStep[]>;
  close(): Promise<void>;
}

const words = ["good day", "sad end", "happy cat", "bad rain", "nice sun"];

/** Models `weak`, `other` and `student`, and 120 preferences over 60 prompts in `pairs.jsonl`. */
export async function openTinyJobs(): Promise<TinyJobs> {
  const folder = await mkdtemp(join(tmpdir(), "wt-job-"));
  const at = (...parts: string[]) => join(folder, ...parts);
  for (const [name, seed] of Object.entries({ weak: 1, student: 2, other: 3 }))
    await writeTinyModel(at(name), { family: "llama", seed, positions: 1024, vocab: 264 });
  const rows = Array.from({ length: 120 }, (_, i) => ({
    prompt: `p${i >> 1}`,
    chosen: ` ${words[i % 5]}`,
    rejected: ` ${words[(i + 1 + (i % 3)) % 5]}`,
  }));
  await writeFile(at("pairs.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  let runtime: Runtime | undefined;
  const deps = (run: string): JobDeps => ({
    pipeline: openPipeline({ folder: at("runs", run), code: "test" }),
    runtime: () => {
      runtime ??= openRuntime({ threads: 1 });
      return runtime;
    },
    log: silentLog,
  });
  const jobIn = (sections: string, pairs = at("pairs.jsonl")) => {
    const models = sections.includes("models:")
      ? ""
      : `models: { weak: ${at("weak")}, student: ${at("student")} }\n`;
    const data = `data:
  source: ${pairs}
  split: { labelled: 0.5, unlabelled: 0.3, test: 0.2 }
  max_length: 64
  max_prompt_length: 32
`;
    const text = `version: 1\nname: tiny\nthreads: 1\n${models}${data}${sections}`;
    return jobOf(resolveRecipe([parseDocumentText(text, "tiny.yaml")], []));
  };
  return {
    folder,
    at,
    async label(sections, run = "run", pairs = undefined) {
      const own = deps(run);
      const { labels } = await runLabelling(own, jobIn(sections, pairs));
      return {
        folder: labels,
        labels: await readLabels(labels),
        facts: await readLabelFacts(labels),
        steps: own.pipeline.steps(),
      };
    },
    async train(sections, run = "run", pairs = undefined) {
      const own = deps(run);
      await runMainJob(own, jobIn(sections, pairs));
      return own.pipeline.steps();
    },
    async close() {
      await runtime?.close();
      await rm(folder, { recursive: true });
    },
  };
}
