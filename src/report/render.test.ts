import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { fullReport, smallestReport } from "../../test/report/fixture.ts";
import { writeReport } from "./render.ts";

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});
async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "report-"));
  folders.push(folder);
  return folder;
}

describe("writeReport", () => {
  it("writes the three files, the same bytes each time, into a folder that it makes", async () => {
    const [one, two] = [join(await newFolder(), "new"), await newFolder()];
    const files = await writeReport(one, fullReport());
    await writeReport(two, fullReport());
    expect((await readdir(one)).sort()).toEqual(["report.html", "report.json", "report.md"]);
    expect(files.html).toBe(join(one, "report.html"));
    for (const name of await readdir(one))
      expect(await readFile(join(one, name))).toEqual(await readFile(join(two, name)));
  });
  it("writes nothing when a number is not finite", async () => {
    const folder = await newFolder();
    const arms = [{ name: "a", goldReward: { estimate: Number.NaN, low: 0, high: 1, n: 3 } }];
    await expect(writeReport(folder, { ...smallestReport(), arms })).rejects.toThrow(
      "arms[0].goldReward.estimate",
    );
    expect(await readdir(folder)).toEqual([]);
  });
  it("says which file could not be written", async () => {
    const blocked = join(await newFolder(), "file");
    await writeFile(blocked, "");
    await expect(writeReport(blocked, smallestReport())).rejects.toThrow(/report\.json: cannot be written/);
  });
});
