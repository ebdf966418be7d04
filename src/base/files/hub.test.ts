import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startFakeHub } from "../../../test/helpers/fake-hub.ts";
import { ConfigError } from "../core/errors.ts";
import { fetchHubFile, parseHubSource } from "./hub.ts";

test("a hub source names owner, name, revision and path", () => {
  expect(parseHubSource("hub:Anthropic/hh-rlhf/harmless-base/test.jsonl.gz")).toEqual({
    repo: "Anthropic/hh-rlhf",
    revision: "main",
    path: "harmless-base/test.jsonl.gz",
  });
  expect(parseHubSource("hub:a/b@refs%2Fconvert%2Fparquet/x.parquet")).toEqual({
    repo: "a/b",
    revision: "refs/convert/parquet",
    path: "x.parquet",
  });
  for (const wrong of [
    "hub:a/b",
    "hub:a/b/",
    "hub:/b/c",
    "hub:a/b@v1",
    "hub:../../etc/passwd",
    "hub:a/../x.jsonl",
    "hub:a/b/../../x.jsonl",
    "hub:a/b/x//y.jsonl",
    "hub:a/b/x\\..\\y.jsonl",
    "hub:a/b/x\0.jsonl",
    "hub:a/b@..%2F..%2Fx/y.jsonl",
    "hub:a/b@%/y.jsonl",
    "hub:a/b@%2Fetc/y.jsonl",
  ])
    expect(() => parseHubSource(wrong)).toThrow(ConfigError);
});

test("a file is of a data set; one that the hub does not have is the source's fault, not the network's", async () => {
  const hub = await startFakeHub();
  const cache = await mkdtemp(join(tmpdir(), "weak-teacher-hub-"));
  const settings = { endpoint: hub.endpoint, token: undefined, offline: false, cache };
  hub.commit("datasets/a/b", { "x/y.jsonl": "{}" });
  expect(await readFile(await fetchHubFile("hub:a/b/x/y.jsonl", settings), "utf8")).toBe("{}");
  await expect(fetchHubFile("hub:a/b/x.jsonl", settings)).rejects.toMatchObject({
    code: "data",
    message: expect.stringMatching(
      /^hub:a\/b\/x\.jsonl: the hub does not give this file: .*404 EntryNotFound/,
    ),
  });
  await hub.close();
  await expect(fetchHubFile("hub:a/b/z.jsonl", settings)).rejects.toMatchObject({
    code: "network",
    message: expect.stringMatching(/hub:a\/b@main\/z\.jsonl: cannot be downloaded from .*give their path/),
  });
  await rm(cache, { recursive: true });
});
