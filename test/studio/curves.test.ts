/** What a page knows of a run against the run's files, however it came to know it. */
import { appendFile, cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Curves, chartsOf, grown } from "../../src/interfaces/studio/ui/run/curves.ts";
import { lookAtRun } from "../../src/pipeline/run/live-run.ts";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "wt-curves-"));
});
afterAll(() => rm(root, { recursive: true }));

const lineAt = (step: number, salt: number) =>
  `${JSON.stringify({ global_step: step, epoch: step / 10, loss: Math.sin(step * 1.7 + salt), "rewards/margins": step / 3 })}\n`;

/** What the files hold. */
async function inFiles(file: string): Promise<Record<string, [number, number][]>> {
  const text = await readFile(file, "utf8");
  const points: Record<string, [number, number][]> = { loss: [], "rewards/margins": [] };
  for (const line of text
    .slice(0, text.lastIndexOf("\n") + 1)
    .split("\n")
    .slice(0, -1)) {
    const { global_step, ...values } = JSON.parse(line) as Record<string, number>;
    for (const name of Object.keys(points)) points[name]!.push([global_step!, values[name]!]);
  }
  return points;
}

test("whatever happens to the files and to the stream, the curves are those of the files", async () => {
  const actions = fc.array(fc.constantFrom("steps", "half", "look", "lose", "reload", "finish", "back"), {
    minLength: 5,
    maxLength: 25,
  });
  let n = 0;
  await fc.assert(
    fc.asyncProperty(actions, async (list) => {
      const folder = join(root, String(n++), "stages");
      const [work, done] = [join(folder, ".work-sft-0123456789ab"), join(folder, "sft-0123456789ab")];
      await mkdir(join(work, "scratch"), { recursive: true });
      await mkdir(join(work, "log"));
      let [place, step, salt, half] = [work, 0, 0, ""];
      let [curves, cursor]: [Curves, string] = [new Map(), ""];
      // A training writes in its scratch folder; its curves go into the log when it is done.
      const file = () => join(place, place === work ? "scratch" : "log", "metrics.jsonl");
      await writeFile(file(), "");
      const look = async () => {
        const found = await lookAtRun(join(folder, ".."), cursor);
        curves = grown(curves, found.stages);
        ({ cursor } = found);
      };
      for (const action of [...list, "look"]) {
        if (action === "steps") {
          let text = half;
          half = "";
          for (let i = 0; i < 3 || text === ""; i++) text += lineAt(++step, salt);
          await appendFile(file(), text);
        } else if (action === "half" && half === "") {
          const line = lineAt(++step, salt);
          await appendFile(file(), line.slice(0, 20));
          half = line.slice(20);
        } else if (action === "look") await look();
        // The stream was cut off: what was found reached nobody, and the next one begins where the last that arrived left off.
        else if (action === "lose") await lookAtRun(join(folder, ".."), cursor);
        else if (action === "reload") [curves, cursor] = [new Map(), ""];
        else if (action === "finish" && place === work && half === "") {
          await cp(file(), join(work, "log", "metrics.jsonl"));
          if (step % 2 === 0) await look();
          await rm(join(work, "scratch"), { recursive: true });
          if (step % 2 === 1) await look();
          await rename(work, done);
          place = done;
        } else if (action === "back") {
          // A run that was killed goes on from a checkpoint: the lines after it are cut off, and others follow.
          const kept = (await readFile(file(), "utf8")).split("\n").slice(0, Math.floor(step / 2));
          salt++;
          half = "";
          step = kept.filter((line) => line !== "").length;
          await writeFile(
            file(),
            kept
              .filter((line) => line !== "")
              .map((line) => `${line}\n`)
              .join(""),
          );
        }
      }
      const expected = await inFiles(file());
      const own = curves.get("sft-0123456789ab");
      for (const [name, points] of Object.entries(expected)) expect(own?.get(name) ?? []).toEqual(points);
    }),
    { numRuns: 60 },
  );
});

test("charts: the usual ones first, what validation gave in the same one, log 2 where a loss of pairs begins there", () => {
  const points = (value: number) =>
    [
      [1, value],
      [2, value / 2],
    ] as const;
  const growth = (loss: number) => [
    {
      stage: "student-weak-0123456789ab",
      again: false,
      points: {
        ...{ learning_rate: points(1), grad_norm: points(2), loss: points(loss), eval_loss: points(0.6) },
        ...{
          "rewards/margins": points(0.1),
          "rewards/accuracies": points(0.5),
          "logps/chosen": points(-90),
          "logps/rejected": points(-80),
        },
      },
    },
  ];
  const charts = (loss: number) => {
    const [[key, own]] = [...grown(new Map(), growth(loss))] as [[string, never]];
    return chartsOf(key, own);
  };
  expect(charts(0.69).map(({ title }) => title)).toEqual([
    "loss",
    "accuracy",
    "margin",
    "log-probabilities",
    "learning_rate",
    "grad_norm",
  ]);
  expect(charts(0.69)[0]!.series.map(({ name }) => name)).toEqual(["loss", "validation"]);
  expect(charts(0.69)[0]!.references).toEqual([{ value: Math.LN2, label: "log 2" }]);
  expect(charts(1.4)[0]!.references).toEqual([]);
  expect(charts(0.69)[1]!.references).toEqual([{ value: 0.5, label: "chance" }]);
});
