/**
 * Paths in a recipe. One that a file writes is taken from that file's folder, so that it means the same wherever the command is given;
 * one of `--set` or of a preset, from the working directory. What is found is a whole path from then on: a run's own recipe names no folder
 * to start from. Why so: docs/decisions/0018.
 */
import { existsSync, realpathSync } from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { notice } from "../../base/core/notices.ts";
import { isObject } from "../../base/settings/parts.ts";
import { STORIES } from "../../engine/checkpoint/stories15m.ts";

/** Where paths stand, in names that a file and the code share: what a bare text is, and what members are. Lists are looked through. */
type Shape = { readonly text?: Kind; readonly members?: Readonly<Record<string, Shape>> };
/** A `word` of a command is a path only where it looks like one and something is there. */
type Kind = "model" | "file" | "prompts" | "word";

const path = (text: Kind, key?: string): Shape =>
  key === undefined ? { text } : { text, members: { [key]: { text } } };

const SOURCE = path("file", "file");
const GOLD: Shape = { members: { module: path("file"), model: path("model") } };
const MODEL = path("model", "source");
const TRAINER: Shape = { members: { python: path("word"), launch: path("word") } };
/** A teacher of a cascade. */
const STEP: Shape = {
  members: { weak: MODEL, teacher: { members: { tokenizer: path("model"), trainer: TRAINER } } },
};
const SHAPE: Shape = {
  members: {
    models: { members: { weak: MODEL, student: MODEL } },
    data: {
      members: {
        ...{ source: SOURCE, labelled: SOURCE, unlabelled: SOURCE, test: SOURCE },
        world: { members: { prompts: path("prompts"), gold: GOLD } },
      },
    },
    teacher: {
      members: {
        tokenizer: path("model"),
        ...{ first: STEP, second: STEP },
        members: { members: { weak: MODEL, teacher: { members: { trainer: TRAINER } } } },
        ...{ teacher: { members: { trainer: TRAINER } }, trainer: TRAINER },
      },
    },
    student: { members: { trainer: TRAINER } },
    eval: { members: { gold: GOLD, judges: { members: { model: path("model") } } } },
  },
};

/** Finds the place of one path. */
type Place = (written: string, kind: Kind, where: string) => string;

/** Paths that a recipe's file writes, from its folder. @param file - the recipe, absolute @param value - what stands in it */
export function fromRecipeFile(value: unknown, file: string): unknown {
  const [folder, here] = [dirname(file), process.cwd()];
  if (real(folder) === real(here)) return value;
  return mapped(value, SHAPE, "", (written, kind, where) => {
    const [beside, inHere] = [join(folder, written), resolve(here, written)];
    if (isThere(beside)) {
      if (isThere(inHere) && real(inHere) !== real(beside))
        notice(`${file}: ${where}: ${beside} is read, beside the recipe, and not ${inHere}.`);
      return beside;
    }
    if (isThere(inHere)) {
      notice(
        `${file}: ${where}: ${written} is not beside the recipe; ${inHere} is read. Write the path from the recipe's folder.`,
      );
      return inHere;
    }
    // Whoever opens it says what is missing; a name on a hub is known by its form.
    return kind === "model" || kind === "word" ? written : beside;
  });
}

/** A recipe whose paths need no working directory any more; what is not there stays as it is written. */
export const withWholePaths = <R extends object>(recipe: R): R =>
  mapped(recipe, SHAPE, "", (written) => (isThere(resolve(written)) ? resolve(written) : written)) as R;

function mapped(value: unknown, shape: Shape, where: string, place: Place): unknown {
  if (Array.isArray(value)) return value.map((item, i) => mapped(item, shape, `${where}[${i}]`, place));
  if (typeof value === "string") {
    const { text: kind } = shape;
    return kind === undefined || !isRelative(value, kind) ? value : place(value, kind, where);
  }
  if (!isObject(value) || value["type"] === "chat") return value;
  const members = Object.entries(value).map(([key, member]) => {
    const inner =
      shape.members !== undefined && Object.hasOwn(shape.members, key) ? shape.members[key] : undefined;
    return [
      key,
      inner === undefined ? member : mapped(member, inner, where === "" ? key : `${where}.${key}`, place),
    ];
  });
  return Object.fromEntries(members);
}

const isRelative = (text: string, kind: Kind): boolean =>
  !(text === "" || isAbsolute(text) || text.startsWith("hub:")) &&
  !(kind === "model" && text === STORIES) &&
  !(kind === "word" && (text.startsWith("-") || !/[./]/.test(text))) &&
  !(kind === "prompts" && text === "demo");

/** Whether something is at a path, or, of a glob, where its fixed part leads. */
function isThere(whole: string): boolean {
  const fixed = /^[^*?[{]*/.exec(whole)![0];
  return existsSync(fixed === whole ? whole : dirname(`${fixed}x`)) || existsSync(whole);
}

const real = (whole: string): string => {
  try {
    return realpathSync(whole);
  } catch {
    return whole;
  }
};
