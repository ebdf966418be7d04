/** Stages for tests of how stages are run: they write small files and note that they ran. */
import { writeFile } from "node:fs/promises";
import type { Pipeline } from "../../src/pipeline/stages/pipeline.ts";
import type { Artefact, Stage } from "../../src/pipeline/stages/stage.ts";

/** @param ran - the list that names of stages that run are added to */
export function toyStages(ran: () => string[]) {
  /** A stage that writes one file with the given text and notes that it ran. */
  const writes = (name: string, text: string, part: Partial<Stage> = {}): Stage => ({
    name,
    version: 1,
    config: {},
    inputs: {},
    run: async (work) => {
      ran().push(name);
      await writeFile(work.path("out"), text);
    },
    ...part,
  });

  /** teacher(beta) → labels = sign of beta → student; data is apart. As in the main job, but with numbers. */
  async function toyRun(pipeline: Pipeline, { beta }: { beta: number }): Promise<Artefact> {
    const data = await pipeline.stage(writes("data", "rows"));
    const teacher = await pipeline.stage(
      writes("teacher", `teacher ${beta}`, { config: { beta }, inputs: { data } }),
    );
    const labels = await pipeline.stage(
      writes("labels", `labels ${Math.sign(beta)}`, { inputs: { teacher, data } }),
    );
    return pipeline.stage(writes("student", "student", { inputs: { labels } }));
  }
  return { writes, toyRun };
}
