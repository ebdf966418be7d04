import fs from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { AlignError, DataError, InterruptedError } from "./errors.ts";
import {
  ensureFolder,
  exists,
  isLink,
  readJson,
  readText,
  replaceFolder,
  writeDirAtomic,
  writeFileAtomic,
  writeJsonAtomic,
} from "./files.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-files-"));
});
afterEach(() => rm(folder, { recursive: true }));

const full = () => Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });

async function* chunksThen(error: Error) {
  yield new Uint8Array(100_000);
  throw error;
}

describe("ensureFolder", () => {
  test("makes what is missing, several at once too, and says when something is in the way", async () => {
    const path = join(folder, "a", "b", "c");
    await Promise.all(Array.from({ length: 8 }, () => ensureFolder(path)));
    expect((await stat(path)).isDirectory()).toBe(true);
    await ensureFolder(path);
    await writeFile(join(folder, "file"), "x");
    await expect(ensureFolder(join(folder, "file"))).rejects.toMatchObject({ code: "EEXIST" });
    await expect(ensureFolder(join(folder, "file", "below"))).rejects.toMatchObject({ code: "ENOTDIR" });
  });

  test.runIf(process.platform === "linux")(
    "below /proc, which takes no folders, it fails at once",
    async () => {
      await expect(ensureFolder("/proc/none/below")).rejects.toMatchObject({ code: "ENOENT" });
      await expect(writeFileAtomic("/proc/none/x.json", "{}")).rejects.toMatchObject({ code: "io" });
    },
  );
});

describe("writeFileAtomic", () => {
  test("writes text, bytes and chunks of either kind, making the folders", async () => {
    const path = join(folder, "a", "b", "x");
    const read = async () => [...(await readFile(path))];
    await writeFileAtomic(path, "hi");
    expect(await read()).toEqual([104, 105]);
    await writeFileAtomic(path, new Uint8Array([1, 2]));
    expect(await read()).toEqual([1, 2]);
    await writeFileAtomic(path, [new Uint8Array([3]), new Uint8Array([4, 5])]);
    expect(await read()).toEqual([3, 4, 5]);
    await writeFileAtomic(
      path,
      (async function* () {
        yield new Uint8Array([6, 7]);
        yield new Uint8Array([]);
        yield new Uint8Array([8]);
      })(),
    );
    expect(await read()).toEqual([6, 7, 8]);
    expect(await readdir(join(folder, "a", "b"))).toEqual(["x"]);
  });

  test("leaves the old file and nothing else when the chunks fail half-way", async () => {
    const path = join(folder, "x");
    await writeFileAtomic(path, "old");
    const writing = writeFileAtomic(path, chunksThen(new Error("boom")));
    await expect(writing).rejects.toThrow(`${path}: cannot be written: boom. Nothing half-written was left.`);
    expect(await readFile(path, "utf8")).toBe("old");
    expect(await readdir(folder)).toEqual(["x"]);
  });

  test("the new file is invisible until it is whole", async () => {
    const path = join(folder, "x");
    await writeFileAtomic(
      path,
      (async function* () {
        yield new Uint8Array(10);
        expect(await exists(path)).toBe(false);
        yield new Uint8Array(10);
      })(),
    );
    expect((await readFile(path)).length).toBe(20);
  });

  test("says that the disk is full and what to do", async () => {
    const error = await writeFileAtomic(join(folder, "x"), chunksThen(full())).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(AlignError);
    expect(error.code).toBe("io");
    expect(error.message).toMatch(/The disk is full: free space and run the same command again/);
    expect(error.cause.code).toBe("ENOSPC");
    expect(await readdir(folder)).toEqual([]);
  });

  test("an error that is already ours keeps its class", async () => {
    const stop = new InterruptedError("label");
    await expect(writeFileAtomic(join(folder, "x"), chunksThen(stop))).rejects.toBe(stop);
    expect(await readdir(folder)).toEqual([]);
  });

  test("a folder in the way of the file, or a file in the way of the folder, is an io error", async () => {
    await mkdir(join(folder, "d", "e"), { recursive: true });
    await expect(writeFileAtomic(join(folder, "d"), "x")).rejects.toThrow("cannot be written");
    await writeFile(join(folder, "f"), "");
    await expect(writeFileAtomic(join(folder, "f", "g"), "x")).rejects.toMatchObject({ code: "io" });
    expect((await readdir(folder)).sort()).toEqual(["d", "f"]);
  });

  test("two writers of one path do not mix", async () => {
    const path = join(folder, "x");
    await Promise.all(["a", "b"].map((letter) => writeFileAtomic(path, letter.repeat(50_000))));
    expect(["a".repeat(50_000), "b".repeat(50_000)]).toContain(await readFile(path, "utf8"));
    expect(await readdir(folder)).toEqual(["x"]);
  });
});

describe("writeDirAtomic", () => {
  test("replaces a folder whole", async () => {
    const path = join(folder, "model");
    await writeDirAtomic(path, (into) => writeFile(join(into, "old"), "1"));
    await writeDirAtomic(path, (into) => writeFile(join(into, "new"), "2"));
    expect(await readdir(path)).toEqual(["new"]);
    expect(await readdir(folder)).toEqual(["model"]);
  });

  test("keeps the old folder and leaves nothing when filling fails", async () => {
    const path = join(folder, "model");
    await writeDirAtomic(path, (into) => writeFile(join(into, "old"), "1"));
    const failing = (error: Error) =>
      writeDirAtomic(path, async (into) => {
        await writeFile(join(into, "half"), "2");
        throw error;
      });
    await expect(failing(full())).rejects.toThrow("The disk is full");
    const ours = new DataError("rows", 1, "is wrong.");
    await expect(failing(ours)).rejects.toBe(ours);
    expect(await readdir(path)).toEqual(["old"]);
    expect(await readdir(folder)).toEqual(["model"]);
  });
});

test("a folder takes the place of one that appears there while it is being put there", async () => {
  const [from, place, aside] = ["from", "place", "aside"].map((name) => join(folder, name));
  await mkdir(from!);
  await writeFile(join(from!, "mine"), "");
  const { rename } = fs.promises;
  let appears = 2;
  fs.promises.rename = async (one, to) => {
    if (to === place && appears-- > 0) await mkdir(join(place!, "theirs"), { recursive: true });
    return rename(one, to);
  };
  syncBuiltinESMExports();
  try {
    await replaceFolder(from!, place!, aside!);
  } finally {
    fs.promises.rename = rename;
    syncBuiltinESMExports();
  }
  expect(appears).toBeLessThan(0);
  expect(await readdir(folder)).toEqual(["place"]);
  expect(await readdir(place!)).toEqual(["mine"]);
});

describe("reading", () => {
  test("JSON goes out and in, indented and with a newline at the end", async () => {
    const path = join(folder, "x.json");
    await writeJsonAtomic(path, { a: [1, "é"] });
    expect(await readFile(path, "utf8")).toBe('{\n  "a": [\n    1,\n    "é"\n  ]\n}\n');
    expect(await readJson(path)).toEqual({ a: [1, "é"] });
  });

  test("a missing, oversized, non-UTF-8 or broken file is a DataError with the path in front", async () => {
    const path = join(folder, "x.json");
    const fails = async (message: string, maxBytes?: number) => {
      const error: unknown = await readJson(path, maxBytes).catch((thrown) => thrown);
      expect(error).toBeInstanceOf(DataError);
      expect((error as DataError).message).toMatch(new RegExp(`^${path}: ${message}`));
    };
    await fails("cannot be read: there is no such file or folder. Check the path");
    await writeFile(path, "[1,2]");
    await fails("is too large, expected at most 4 bytes, got 5", 4);
    await writeFile(path, new Uint8Array([0x22, 0xff, 0x22]));
    await fails("cannot be read as UTF-8 text");
    await writeFile(path, "{");
    await fails("is not valid JSON");
    await writeFile(path, '{"a": {"b": 1, "b": 2}}');
    await fails('an object names "b" twice, expected once');
  });

  test("exactly the limit is read, and a byte order mark is dropped", async () => {
    const path = join(folder, "x");
    await writeFile(path, "\ufeffabc");
    expect(await readText(path, 6)).toBe("abc");
  });

  test("isLink is true of links, also of those that lead nowhere, and of nothing else", async () => {
    await symlink("nowhere", join(folder, "link"));
    expect(await isLink(join(folder, "link"))).toBe(true);
    expect(await isLink(folder)).toBe(false);
    expect(await isLink(join(folder, "absent"))).toBe(false);
  });

  test("exists is true of files and folders", async () => {
    expect(await exists(folder)).toBe(true);
    expect(await exists(join(folder, "absent"))).toBe(false);
  });
});
