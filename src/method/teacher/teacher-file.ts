/** A teacher on disk: its manifest and where its models are. Opening it checks that they are still the same. */
import { dirname, join, relative, resolve } from "node:path";
import { z } from "zod";
import { CheckpointError, ConfigError } from "../../base/core/errors.ts";
import { readJson, writeJsonAtomic } from "../../base/core/files.ts";
import type { Runtime } from "../../engine/runtime/runtime.ts";
import { openImplicitReward } from "./implicit-reward.ts";
import { openLocalJudge } from "./judge-local.ts";
import { openLikelihood } from "./likelihood.ts";
import { openRewardHead } from "./reward-head.ts";
import { TEACHER_KINDS, type Teacher, type TeacherManifest, teacherDigest } from "./teacher.ts";

/** Name of the file in a teacher's folder. */
export const TEACHER_FILE = "teacher.json";

/** Model folders of a teacher; `reference` for implicit rewards only. */
export type TeacherFolders = { readonly policy: string; readonly reference?: string };

const schema = z.strictObject({
  format: z.literal("weak-teacher/teacher/1"),
  manifest: z.strictObject({
    kind: z.enum(TEACHER_KINDS),
    code: z.string(),
    lengthUnit: z.enum(["tokens", "characters"]),
    policy: z.string(),
    reference: z.string().optional(),
    tokenizer: z.string(),
    template: z.string().nullable(),
    limits: z.strictObject({ maxLength: z.int(), maxPromptLength: z.int() }),
    beta: z.number().optional(),
    settings: z.record(z.string(), z.unknown()).optional(),
  }),
  folders: z.strictObject({ policy: z.string(), reference: z.string().optional() }),
});

/**
 * Writes `teacher.json` into a folder; model folders are kept relative to it, so that all of it can be moved.
 * @throws ConfigError for a kind without models of its own
 */
export async function saveTeacher(
  folder: string,
  manifest: TeacherManifest,
  folders: TeacherFolders,
): Promise<void> {
  const place = (path: string) => relative(resolve(folder), resolve(path)).replaceAll("\\", "/") || ".";
  const file = {
    format: "weak-teacher/teacher/1",
    manifest,
    folders: {
      policy: place(folders.policy),
      ...(folders.reference === undefined ? {} : { reference: place(folders.reference) }),
    },
  };
  if (!schema.safeParse(file).success)
    throw new ConfigError(
      `teacher: a ${manifest.kind} has no model folders to save, expected a teacher with a model.`,
    );
  await writeJsonAtomic(join(folder, TEACHER_FILE), file);
}

/**
 * Opens the teacher of a folder (or of a `teacher.json`).
 * @throws CheckpointError when the file is none, or a model, tokenizer, template or the scoring code is not the one it names
 */
export async function openTeacher(
  runtime: Runtime,
  path: string,
  options: { readonly tokens?: number; readonly name?: string } = {},
): Promise<Teacher> {
  const file = path.endsWith(".json") ? path : join(path, TEACHER_FILE);
  const parsed = schema.safeParse(await readJson(file));
  if (!parsed.success)
    throw new CheckpointError(file, `is no teacher: ${z.prettifyError(parsed.error).replaceAll("\n", " ")}.`);
  const { manifest, folders } = parsed.data;
  const at = (place: string) => resolve(dirname(file), place);
  const teacher = await openKind(runtime, file, manifest, {
    policy: at(folders.policy),
    ...(folders.reference === undefined ? {} : { reference: at(folders.reference) }),
    ...options,
  });
  const differs = differences(manifest, teacher.manifest);
  if (differs.length === 0) return teacher;
  await teacher.close();
  throw new CheckpointError(
    file,
    `is another teacher than was saved: ${differs.join(", ")} changed. Use the models that it was trained with, or save it again.`,
  );
}

type Saved = z.infer<typeof schema>["manifest"];
type Opening = TeacherFolders & { readonly tokens?: number; readonly name?: string };

function openKind(
  runtime: Runtime,
  file: string,
  { kind, limits, beta, settings }: Saved,
  { policy, reference, ...options }: Opening,
): Promise<Teacher> {
  const common = { ...options, limits };
  switch (kind) {
    case "implicit-reward":
      if (reference === undefined || beta === undefined)
        throw new CheckpointError(file, "has no reference or no beta, expected both for an implicit reward.");
      return openImplicitReward(runtime, { ...common, policy, reference, beta });
    case "likelihood":
      return openLikelihood(runtime, { ...common, policy });
    case "reward-head":
      return openRewardHead(runtime, { ...common, model: policy });
    case "judge-local":
      return openLocalJudge(runtime, {
        ...common,
        model: policy,
        prompt: String(settings?.prompt),
        chat: settings?.chat === true,
      });
    case "judge-chat":
    case "remote":
    case "control":
    case "ensemble":
      throw new CheckpointError(
        file,
        `a ${kind} has no models to open, expected it to be named in the recipe.`,
      );
    default:
      return kind satisfies never;
  }
}

/** Names of what two manifests differ in. */
function differences(saved: Saved, opened: TeacherManifest): string[] {
  const digest = (value: unknown) => teacherDigest({ value: value ?? null } as never);
  const names = new Set([...Object.keys(saved), ...Object.keys(opened)]) as Set<keyof TeacherManifest>;
  return [...names].filter((name) => digest(saved[name]) !== digest(opened[name]));
}
