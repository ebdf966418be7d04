/** The stage that scores pairs with a teacher. Raw scores: nothing later scores again. */
import { writeJsonAtomic } from "../../base/core/files.ts";
import { readPool } from "../../method/data/pool.ts";
import { type CandidatePair, type HumanLabel, sameText } from "../../method/data/rows.ts";
import {
  type AskedHow,
  type ChoiceSettings,
  choiceOf,
  type ModelChoice,
  openTeacher,
  type TeacherChoice,
} from "../../method/teacher/choice.ts";
import type { Scores } from "../../method/teacher/controls.ts";
import { labelPool } from "../../method/teacher/score-pool.ts";
import { closeScores } from "../../method/teacher/scores-folder.ts";
import type { Teacher } from "../../method/teacher/teacher.ts";
import type { MainJob } from "../recipe/job-settings.ts";
import type { TrainedTeacher } from "../recipe/teacher-settings.ts";
import { defineStage, type Ref, type Running, type StageTools } from "../stages/define.ts";
import type { Artefact, WorkFolder } from "../stages/stage.ts";
import { readAsked } from "./cascade-stages.ts";
import { poolFolder, readHidden, readHiddenGold, readLabelledGold } from "./data-files.ts";
import { heldOutPairs, type SplitPart, type SplitRule, testPairs } from "./labelled-split.ts";
import type { TeacherModels } from "./member-scores.ts";
import { openInPrecision } from "./precision-check.ts";

/** What else a teacher reads: a local judge's model, the tokenizer of served ones. */
type TeacherFolders = Partial<TeacherModels> & {
  readonly model?: Ref | undefined;
  readonly tokenizer?: Ref | undefined;
};

/** Which pairs are scored: the pool's, test pairs, or labelled pairs that are held out. */
export type ScoredPairs =
  | { readonly of: "pool" }
  | ({ readonly of: "test" } & Pick<MainJob, "seed">)
  | ({ readonly of: "held-out" } & SplitRule & SplitPart);

type Scoring = Running<
  {
    readonly teacher: ChoiceSettings;
    /** Of a teacher in few bits: the share of labels that may turn, in [0, 1]. */
    readonly maxTurned?: number;
    /** Of the teacher, for people. */
    readonly name: string;
    readonly limits: MainJob["limits"];
    readonly pairs: ScoredPairs;
  },
  TeacherFolders & {
    readonly data: Artefact;
    /** Of a cascade's second teacher: which pairs of the pool it is asked. */
    readonly asked?: Artefact | undefined;
  },
  AskedHow
>;

/** Scores pairs; its folder `scores/` is read with `readScores`. */
export const scoresStage = defineStage({
  version: 5,
  async share({ work, config, inputs, tools, how }: Scoring) {
    const { name, limits } = config;
    const all = (await pairsOf(inputs.data, config.pairs)).pairs;
    const asked = inputs.asked && (await readAsked(inputs.asked));
    const pairs = asked === undefined ? all : all.filter(({ id }) => asked.has(id));
    const replies = tools.replies ?? `${work.log}/replies`;
    const teacher = await openInPrecision(work.path("scores"), {
      choice: choiceIn({ config, inputs, how }),
      maxTurned: config.maxTurned,
      // Labels are made of the pool alone: what measures the teacher measures it as it is.
      pairs: async () => (config.pairs.of === "pool" ? pairs : []),
      open: (choice) => openTeacher(tools, choice, { limits, name, replies }),
      ...{ log: tools.log, signal: tools.signal },
    });
    await scoreInto(work, tools, teacher, pairs);
  },
  run: ({ work }: Scoring) => closeScores(work.path("scores")),
});

/** Scores pairs into `scores/` of a stage, beside it how fast that was, and closes the teacher. */
export async function scoreInto(
  work: WorkFolder,
  { log, signal }: Pick<StageTools, "log" | "signal">,
  teacher: Teacher,
  pairs: readonly CandidatePair[],
): Promise<void> {
  try {
    const { report } = await labelPool({ teacher, pairs, folder: work.path("scores"), log, signal });
    await writeJsonAtomic(`${work.log}/rate.json`, report);
  } finally {
    await teacher.close();
  }
}

/** Pairs, and what people said of them. */
async function pairsOf(
  data: Artefact,
  which: ScoredPairs,
): Promise<{ readonly pairs: readonly CandidatePair[]; readonly human: readonly HumanLabel[] }> {
  if (which.of === "test") return testPairs(data, which);
  if (which.of === "held-out") return heldOutPairs(data, which, which);
  return { pairs: await readPool(poolFolder(data)), human: await readHidden(data) };
}

/** The teacher as a value. */
const choiceIn = ({ config, inputs, how }: Pick<Scoring, "config" | "inputs" | "how">): TeacherChoice =>
  choiceOf(config.teacher, {
    folders: {
      ...{ policy: inputs.policy?.folder, reference: inputs.reference?.folder },
      ...{ model: (inputs.model ?? inputs.policy)?.folder, tokenizer: inputs.tokenizer?.folder },
    },
    how,
    rewards: () => goldOf(inputs.data, config.pairs),
    choices: async () =>
      new Map((await pairsOf(inputs.data, config.pairs)).human.map(({ id, preferred }) => [id, preferred])),
  });

/** A trained teacher as a value. @param beta - of an implicit reward alone */
export function trainedChoice(
  { kind, beta }: { readonly kind: TrainedTeacher["kind"]; readonly beta?: number | undefined },
  { policy, reference }: TeacherModels,
): ModelChoice {
  const model = policy.folder;
  return kind === "implicit-reward"
    ? { kind, model, reference: reference!.folder, beta: beta! }
    : { kind, model };
}

/** Gold rewards of the pool or of held-out labelled pairs, by pair id: a control is told on purpose. */
async function goldOf(data: Artefact, which: ScoredPairs): Promise<Map<string, Scores>> {
  if (which.of !== "held-out")
    return new Map(
      (await readHiddenGold(data)).map(({ id, goldA, goldB }) => [id, { scoreA: goldA, scoreB: goldB }]),
    );
  const gold = new Map((await readLabelledGold(data)).map((row) => [row.id, row]));
  const { pairs, rows } = await heldOutPairs(data, which, which);
  return new Map(
    pairs.map(({ id, a }, i) => {
      const { goldChosen, goldRejected } = gold.get(id)!;
      return sameText(a, rows[i]!.chosen)
        ? [id, { scoreA: goldChosen, scoreB: goldRejected }]
        : [id, { scoreA: goldRejected, scoreB: goldChosen }];
    }),
  );
}
