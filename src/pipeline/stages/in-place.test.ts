import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { toyStages } from "../../../test/helpers/toy-stages.ts";
import { writeFileAtomic } from "../../base/core/files.ts";
import { openPipeline } from "./pipeline.ts";

let folder: string;
let ran: string[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-in-place-"));
  ran = [];
});
afterEach(() => rm(folder, { recursive: true }));

const open = () => openPipeline({ folder, code: "1.0.0" });
const { writes } = toyStages(() => ran);

describe("a folder that is removed or renamed under a stage", () => {
  const gone = (how: (work: string) => Promise<void>) =>
    writes("data", "x", {
      run: async (work) => {
        if (!work.resumed) ran.push("begun");
        await writeFileAtomic(work.path("first"), "1");
        if (ran.length === 1) await how(work.folder);
        // As writers do, it makes the folder that it misses.
        await writeFileAtomic(work.path("second"), "2");
      },
    });
  const remove = (work: string) => rm(work, { recursive: true });

  test.each([
    ["removed", remove],
    ["renamed", (work: string) => rename(work, `${work}-mine`)],
    ["removed with all stages", (work: string) => remove(join(work, ".."))],
  ])("%s: one message, no half result, and the next run begins it anew", async (_, how) => {
    const message = /stage data: .*work-data-.* was removed or renamed while the stage worked in it/;
    await expect(open().stage(gone(how))).rejects.toThrow(message);
    const made = await open().stage(gone(how));
    expect(ran).toEqual(["begun", "begun"]);
    expect((await readdir(made.folder)).sort()).toEqual(["first", "second", "stage.json"]);
  });

  test("under work that is shared: the message where that is why it fails; else the work is done again", async () => {
    let times = 0;
    const stage = (after: (work: string) => Promise<unknown>) =>
      writes("data", "x", {
        share: async (work) => {
          await writeFileAtomic(work.path("part"), "1");
          if (times++ > 0) return;
          await rm(work.folder, { recursive: true });
          await after(work.folder);
        },
      });
    const reads = stage((work) => readFile(join(work, "part")));
    await expect(open().stage(reads)).rejects.toThrow("was removed or renamed while the stage worked in it");
    times = 0;
    const writesOn = stage((work) => writeFileAtomic(join(work, "later"), "2"));
    const made = await open().stage(writesOn);
    expect(times).toBe(2);
    expect(await readdir(made.folder)).toContain("part");
  });

  test("what somebody puts in the place of the result is not overwritten, and what was made is kept", async () => {
    let place = "";
    const stage = writes("data", "x", {
      run: async (work) => {
        ran.push("data");
        await writeFile(work.path("out"), "x");
        if (place !== "") return;
        place = work.folder.replace(".work-", "");
        await mkdir(place);
        await writeFile(join(place, "notes"), "mine");
      },
    });
    await expect(open().stage(stage)).rejects.toThrow(`${place}: was put there by somebody else`);
    expect(await readdir(place)).toEqual(["notes"]);
    await rename(place, `${place}-mine`);
    const again = open();
    await again.stage(stage);
    expect(again.steps()[0]!.state).toBe("cached");
    expect(ran).toEqual(["data"]);
  });
});
