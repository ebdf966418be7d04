/**
 * Stages whose big files `prune` took away: what was made of them stands, so they count as kept. Where a stage runs that takes something
 * from one, that one is made again first, and those before it where they were pruned, too.
 */
import { AlignError } from "../../base/core/errors.ts";
import type { Artefact, Stage } from "./stage.ts";

/** Makes a pruned stage again; in a plan it notes that this would be done. */
export type Again = () => Promise<Artefact | undefined>;

/** The pruned stages of a run, by folder. */
export interface PrunedStages {
  add(artefact: Pick<Artefact, "folder" | "digest">, again: Again): void;
  /**
   * Makes the inputs of a stage that is about to run whole again.
   * @throws AlignError "pipeline" where one comes out otherwise than it was: what was made of it does not belong to it then
   */
  restoreInputs(stage: Stage): Promise<void>;
}

/** None yet. */
export function prunedStages(): PrunedStages {
  const known = new Map<string, () => Promise<void>>();
  return {
    add({ folder, digest }, again) {
      let done: Promise<void> | undefined;
      known.set(folder, () => {
        done ??= again().then((made) => {
          if (made !== undefined && made.digest !== digest) throw otherwise(made);
        });
        return done;
      });
    },
    async restoreInputs({ inputs }) {
      for (const input of Object.values(inputs))
        if (typeof input !== "string") await known.get(input.folder)?.();
    },
  };
}

const otherwise = ({ stage, folder }: Artefact) =>
  new AlignError(
    "pipeline",
    `stage ${stage}: its files were pruned, and made again they are not what they were (${folder}), as on another processor or with other threads. Run the same command again: what follows from it is computed anew.`,
  );
