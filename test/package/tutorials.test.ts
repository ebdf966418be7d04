/**
 * The tutorials as a newcomer follows them: every command of their `sh` blocks, as it is written, one page after another in one fresh folder where the
 * package is installed (a link to this build). Installing is in `text` blocks; the third page trains in the real TRL.
 */
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { python } from "../interop/python.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const main = join(root, "dist/interfaces/cli/main.js");
const page = (name: string) => readFileSync(join(root, "docs/tutorials", name), "utf8");
const blocks = (name: string, language: string) =>
  [...page(name).matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\`$`, "gm"))].map(
    ([, body]) => body!,
  );

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tutorial-"));
  const modules = join(folder, "node_modules");
  await mkdir(join(modules, ".bin"), { recursive: true });
  await symlink(root, join(modules, "weak-teacher"));
  const command = join(modules, ".bin/weak-teacher");
  await writeFile(command, `#!/bin/sh\nexec "${process.execPath}" "${main}" "$@"\n`);
  await chmod(command, 0o755);
  await writeFile(join(folder, "package.json"), "{}");
});
afterAll(() => rm(folder, { recursive: true }));

/** Only there to end a hang: TRL alone takes a quarter of an hour where twenty others want the same two cores. */
const HANG_MS = 3_600_000;

/** Runs a page's commands; the first that fails ends it. @returns all that they printed */
function follow(name: string, path = process.env.PATH): Promise<string> {
  const script = ["set -e", ...blocks(name, "sh")].join("\n");
  const env = { ...process.env, PATH: path, HF_HUB_OFFLINE: "1", OMP_NUM_THREADS: "2" };
  return new Promise((done, fail) =>
    execFile("bash", ["-c", script], { cwd: folder, env, maxBuffer: 2 ** 26 }, (error, stdout, stderr) =>
      error === null ? done(stdout + stderr) : fail(new Error(stdout + stderr)),
    ),
  );
}

const lines = async (path: string) => (await readFile(join(folder, path), "utf8")).trim().split("\n");

describe.skipIf(!existsSync(main))("tutorials", () => {
  test(
    "own data to labels",
    async () => {
      const said = await follow("1-own-data-to-labels.md");
      expect(said).toMatch(/of 105 labels kept/);
      expect(await lines("labels/labels.jsonl")).toHaveLength(105);
      expect(await readdir(join(folder, "labels"))).toContain("training.parquet");
    },
    HANG_MS,
  );

  test(
    "ask people",
    async () => {
      const said = await follow("2-ask-people.md");
      expect(said).toMatch(/16 answers \(\d+ ties, 0 skipped, 0 blank\)/);
      const human = (await lines("labels-2/labels.jsonl")).filter((line) =>
        line.includes('"label_source":"human"'),
      );
      expect(human.length).toBeGreaterThan(8);
      expect(await lines("labels-3/labels.jsonl")).toHaveLength(105);
    },
    HANG_MS,
  );

  test.skipIf(python === undefined)(
    "a student in TRL (scripts/python-env.sh)",
    async () => {
      const [recipe] = blocks("3-student-in-trl.md", "yaml");
      await writeFile(join(folder, "recipe.yaml"), recipe!);
      await follow("3-student-in-trl.md", `${dirname(python!)}:${process.env.PATH}`);
      const report = JSON.parse(
        await readFile(join(folder, "runs/stories/evaluate-trl/report.json"), "utf8"),
      );
      expect(report.arms.map((arm: { name: string }) => arm.name)).toEqual(["sft", "weak", "trl"]);
      // Trained on the same labels, it has learned what they say of pairs that nobody trained on; half would be luck.
      const { testAccuracy } = report.arms[2];
      expect(testAccuracy.n).toBe(25);
      expect(testAccuracy.estimate).toBeGreaterThan(0.7);
    },
    HANG_MS,
  );

  test("no command is left out: what is not run installs something", () => {
    for (const name of ["1-own-data-to-labels.md", "2-ask-people.md", "3-student-in-trl.md"]) {
      expect(blocks(name, "sh").length, name).toBeGreaterThan(1);
      for (const block of blocks(name, "text"))
        for (const line of block.trim().split("\n"))
          expect(line).toMatch(/^(npm install|pip install|npx weak-teacher doctor --fetch)/);
    }
  });
});
