import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { expect, test } from "vitest";
import { shellWord } from "../../../base/core/shell.ts";
import { batchScript, literalPath } from "./script.ts";

const base = {
  jobName: "wt-0123456789-pool-scores",
  log: "/runs/demo/slurm/pool-scores-%A_%a.out",
  workingFolder: "/home/me/project",
  resources: { cpus: 8 },
  setup: [],
  argv: ["node", "/opt/wt/main.js", "stage", "/runs/demo", "--only", "pool-scores"],
  dropWhenInputsFail: false,
};

test("a script asks for all it was given and starts one command", () => {
  const script = batchScript({
    ...base,
    resources: {
      ...{ partition: "gpu", account: "lab", qos: "low", time: "4:00:00", cpus: 8, memory: "16G" },
      ...{ gres: "gpu:1", array: 4, extra: ["--constraint=a100", "--mail-type=END"] },
    },
    setup: ["module load nodejs"],
    dropWhenInputsFail: true,
  });
  // Checked by hand against sbatch(1).
  expect(script).toBe(`#!/bin/bash
#SBATCH --job-name=wt-0123456789-pool-scores
#SBATCH --output=/runs/demo/slurm/pool-scores-%A_%a.out
#SBATCH --chdir=/home/me/project
#SBATCH --partition=gpu
#SBATCH --account=lab
#SBATCH --qos=low
#SBATCH --time=4:00:00
#SBATCH --cpus-per-task=8
#SBATCH --mem=16G
#SBATCH --gres=gpu:1
#SBATCH --array=0-3
#SBATCH --open-mode=append
#SBATCH --kill-on-invalid-dep=yes
#SBATCH --requeue
#SBATCH --constraint=a100
#SBATCH --mail-type=END
set -eu
module load nodejs
exec node /opt/wt/main.js stage /runs/demo --only pool-scores
`);
});

test("what was not given is not in it", () => {
  expect(batchScript(base)).toBe(`#!/bin/bash
#SBATCH --job-name=wt-0123456789-pool-scores
#SBATCH --output=/runs/demo/slurm/pool-scores-%A_%a.out
#SBATCH --chdir=/home/me/project
#SBATCH --cpus-per-task=8
#SBATCH --open-mode=append
#SBATCH --kill-on-invalid-dep=no
#SBATCH --requeue
set -eu
exec node /opt/wt/main.js stage /runs/demo --only pool-scores
`);
});

test("paths with blanks, quotes and percent signs are quoted for sbatch and for the shell, each in its way", () => {
  const folder = `/my runs/it's "50%"`;
  const script = batchScript({
    ...base,
    log: `${literalPath(folder)}/slurm/data-%j.out`,
    workingFolder: folder,
    argv: ["node", folder],
  });
  expect(script).toContain(`#SBATCH --output="/my runs/it's \\"50%%\\"/slurm/data-%j.out"\n`);
  expect(script).toContain(`#SBATCH --chdir="/my runs/it's \\"50%\\""\n`);
  expect(script).toContain(`exec node '/my runs/it'\\''s "50%"'\n`);
});

test("any word comes through the shell as it is", () => {
  const text = fc.string({ unit: "grapheme", maxLength: 40 }).filter((word) => !word.includes("\0"));
  fc.assert(
    fc.property(fc.array(text, { minLength: 1, maxLength: 4 }), (words) => {
      const command = `printf '%s\\0' ${words.map(shellWord).join(" ")}`;
      expect(execFileSync("bash", ["-c", command], { encoding: "utf8" }).split("\0").slice(0, -1)).toEqual(
        words,
      );
    }),
    { numRuns: 50 },
  );
});

test.each([
  ["out", { argv: ["node", "main.js", "stage", "/runs/a\ntouch /tmp/owned", "--only", "x"] }],
  ["log", { log: "/runs/a\ntouch /tmp/owned/x-%j.out" }],
  ["working folder", { workingFolder: "/home/me\r#" }],
  ["option", { resources: { cpus: 1, extra: ["--comment=a\u2028b"] } }],
])("a control character in %s is refused: it would begin another line of the script", (_, change) => {
  expect(() => batchScript({ ...base, ...change })).toThrow(
    /holds a control character, expected a path or name of one line/,
  );
});
