import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openClaims } from "./claims.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "claims-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe("claims", () => {
  const DEAD = 2 ** 22 - 1;
  const claimFile = () => join(folder, "x.claim");
  const write = async (holder: object) => {
    const mine = await (await openClaims(folder)).take("x");
    const own = JSON.parse(await readFile(claimFile(), "utf8"));
    await mine!.release();
    await writeFile(claimFile(), JSON.stringify({ ...own, token: "theirs", ...holder }));
  };

  test("are held by one at a time and free after release", async () => {
    const [mine, yours] = [await openClaims(folder), await openClaims(folder)];
    const claim = await mine.take("x");
    expect(await yours.take("x")).toBeUndefined();
    expect(await yours.heldBy("x")).toMatchObject({ pid: process.pid, token: expect.any(String) });
    await claim!.release();
    expect(await yours.heldBy("x")).toBeUndefined();
    expect((await yours.take("x"))!.takenOver).toBe(false);
  });

  test("of a dead process on this machine are taken over at once", async () => {
    await write({ pid: DEAD });
    const claim = await (await openClaims(folder)).take("x");
    expect(claim!.takenOver).toBe(true);
    expect(await readdir(folder)).toEqual(["x.claim"]);
  });

  test("of another machine are taken over only after no sign of life for long enough", async () => {
    await write({ pid: DEAD, host: "elsewhere" });
    const claims = await openClaims(folder, { staleMs: 40 });
    // An old date alone says nothing: the other machine's clock may be wrong.
    await utimes(claimFile(), new Date(0), new Date(0));
    expect(await claims.heldBy("x")).toMatchObject({ host: "elsewhere" });
    await utimes(claimFile(), new Date(1), new Date(1));
    expect(await claims.take("x")).toBeUndefined();
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect((await claims.take("x"))!.takenOver).toBe(true);
  });

  test("that were taken over are left alone by their former holder", async () => {
    const claim = await (await openClaims(folder)).take("x");
    await writeFile(claimFile(), JSON.stringify({ pid: DEAD, host: "elsewhere", token: "theirs" }));
    await claim!.release();
    expect(await readdir(folder)).toEqual(["x.claim"]);
  });

  test("go to one of many that see them stale at the same time", async () => {
    for (let round = 0; round < 20; round++) {
      await write({ pid: DEAD });
      const all = await Promise.all(Array.from({ length: 8 }, () => openClaims(folder)));
      const taken = await Promise.all(all.map((claims) => claims.take("x")));
      const winners = taken.filter((claim) => claim !== undefined);
      expect(winners).toHaveLength(1);
      expect(await readdir(folder)).toEqual(["x.claim"]);
      await winners[0]!.release();
    }
  });
});
