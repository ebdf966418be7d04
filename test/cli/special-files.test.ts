/** Pipes, sockets and devices where a file is read: one message, no wait. A pipe without a writer would be waited for without end. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { digestPath } from "../../src/base/core/contents.ts";
import { readText } from "../../src/base/core/files.ts";
import { openTable } from "../../src/base/files/table.ts";
import { openGguf } from "../../src/engine/checkpoint/gguf/gguf-file.ts";
import { openModelFolder } from "../../src/engine/checkpoint/model-folder.ts";
import { loadTokenizer } from "../../src/engine/text/tokenizer.ts";
import { writeTinyModel } from "../helpers/tiny-model.ts";
import { nodeArguments } from "./spawn.ts";

const folder = mkdtempSync(join(tmpdir(), "special-files-"));
const at = (name: string) => join(folder, name);
beforeAll(() => writeTinyModel(at("sound"), { family: "llama", seed: 1 }));
afterAll(() => rmSync(folder, { recursive: true }));

/** A pipe that nobody writes to, by the name of a file. */
function pipe(name: string): string {
  execFileSync("mkfifo", [at(name)]);
  return at(name);
}

async function rows(path: string): Promise<void> {
  for await (const _ of openTable(path)) break;
}

/** A sound model folder in which one file became a pipe. */
function modelWith(file: string): string {
  const model = at(`with-${file}`);
  execFileSync("cp", ["-r", at("sound"), model]);
  rmSync(join(model, file), { force: true });
  execFileSync("mkfifo", [join(model, file)]);
  return model;
}

const readers: Record<string, () => Promise<unknown>> = {
  "text and JSON": () => readText(pipe("r.yaml")),
  digest: () => digestPath(pipe("any")),
  ...Object.fromEntries(
    ["x.jsonl", "x.jsonl.gz", "x.json", "x.csv", "x.parquet", "x.arrow"].map((name) => [
      name,
      () => rows(pipe(name)),
    ]),
  ),
  gguf: () => openGguf(pipe("m.gguf")),
  ...Object.fromEntries(
    ["config.json", "model.safetensors", "generation_config.json"].map((name) => [
      name,
      () => openModelFolder(modelWith(name)),
    ]),
  ),
  ...Object.fromEntries(
    ["tokenizer.json", "tokenizer_config.json"].map((name) => [name, () => loadTokenizer(modelWith(name))]),
  ),
};

test.runIf(process.platform === "linux").each(Object.entries(readers))(
  "%s refuses a pipe",
  async (_, read) => {
    await expect(read()).rejects.toThrow(
      /special-files-.*: it is a pipe, expected a file\. Write what comes out/,
    );
  },
);

test.runIf(process.platform === "linux")("sockets and devices are named for what they are", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(at("s.jsonl"), resolve));
  await expect(rows(at("s.jsonl"))).rejects.toThrow("it is a socket, expected a file");
  server.close();
  symlinkSync("/dev/zero", at("zero.json"));
  await expect(readText(at("zero.json"))).rejects.toThrow("it is a device, expected a file");
});

test.runIf(process.platform === "linux")("commands end with the message", () => {
  const commands: readonly (readonly string[])[] = [
    ["run", pipe("recipe.yaml"), "--out", at("run")],
    ["inspect", pipe("pairs.jsonl")],
    ["import", pipe("model.bin"), "--tokenizer", pipe("tokenizer.bin"), "--out", at("imported")],
    ["serve", at("sound"), "--token-file", pipe("token")],
  ];
  for (const args of commands) {
    const { status, stderr } = spawnSync(process.execPath, [...nodeArguments, ...args], {
      encoding: "utf8",
      timeout: 300_000,
      killSignal: "SIGKILL",
    });
    expect(stderr, args[0]).toContain("it is a pipe, expected a file");
    expect([1, 2], args[0]).toContain(status);
  }
});
