/** Whether a Python has TRL, in versions that were tested; asked before anything is computed, without loading anything. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { z } from "zod";
import { ConfigError, messageOf } from "../../base/core/errors.ts";
import type { TrlTrainer } from "../recipe/trainer.ts";

/** Versions that the trainer was run with: a minor version each, as the first two numbers. */
const TESTED: Readonly<Record<string, readonly string[]>> = {
  trl: ["1.16"],
  transformers: ["5.23", "5.24"],
};
const PACKAGES = ["torch", "transformers", "trl", "accelerate", "datasets", "peft", "tokenizers"] as const;
/** What is loaded, and what a model is read with. */
const NEEDED = ["trl", "transformers", "torch", "accelerate", "datasets"];
const LOOK_MS = 60_000;

/** Versions by package; null for one that is not installed. */
export type TrlVersions = Readonly<Record<string, string | null>>;

const LOOK = `
import importlib.metadata, json, sys
def version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
print(json.dumps({"python": sys.version.split()[0], **{name: version(name) for name in ${JSON.stringify(PACKAGES)}}}))
`;

/**
 * The versions that a trainer has.
 * @param where - names the setting, such as "student.trainer"
 * @throws ConfigError where there is no such Python, packages are missing, or versions were not tested and are not asked for
 */
export async function trlVersions(
  { python, anyVersion }: Pick<TrlTrainer, "python" | "anyVersion">,
  where: string,
): Promise<TrlVersions> {
  const versions = await lookAt(python, where);
  const missing = NEEDED.filter((name) => versions[name] == null);
  if (missing.length > 0)
    throw new ConfigError(
      `${where}.python: ${python} has no ${missing.join(", ")}. Install them there: ${python} -m pip install "trl==${TESTED["trl"]![0]}.*" "transformers==${TESTED["transformers"]!.at(-1)}.*" peft`,
    );
  if (anyVersion) return versions;
  const issues = Object.entries(TESTED).flatMap(([name, tested]) => {
    const found = versions[name]!;
    return tested.some((one) => found === one || found.startsWith(`${one}.`))
      ? []
      : [
          `${where}.python: ${python} has ${name} ${found}, expected ${tested.join(" or ")}, with which this was tested. Install one of these there, or take what is there with any_version: true.`,
        ];
  });
  if (issues.length > 0) throw new ConfigError(issues);
  return versions;
}

async function lookAt(python: string, where: string): Promise<TrlVersions> {
  try {
    const { stdout } = await promisify(execFile)(python, ["-c", LOOK], { timeout: LOOK_MS });
    return z.record(z.string(), z.string().nullable()).parse(JSON.parse(stdout));
  } catch (error) {
    const gone = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw new ConfigError(
      `${where}.python: ${python} ${gone ? "is not there" : `does not run: ${messageOf(error).split("\n")[0]}`}, expected a Python with TRL. Name one, such as .venv/bin/python, or train here with trainer: here.`,
      { cause: error },
    );
  }
}

/** "TRL 1.16.0 (transformers 5.24.0, torch 2.13.0)". */
export const trlWords = (versions: TrlVersions): string =>
  `TRL ${versions["trl"]} (transformers ${versions["transformers"]}, torch ${versions["torch"]})`;
