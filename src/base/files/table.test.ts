import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { parquetWriteBuffer } from "hyparquet-writer";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DataError } from "../core/errors.ts";
import { readParquet } from "./parquet.ts";
import { openTable, type TableOptions } from "./table.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weak-teacher-readers-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function write(name: string, data: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, data);
  return path;
}

async function all(path: string, options?: TableOptions) {
  const records = [];
  for await (const record of openTable(path, options)) records.push(record);
  return records;
}

const values = async (path: string, options?: TableOptions) =>
  (await all(path, options)).map((record) => ("value" in record ? record.value : record.problem));

describe("JSON Lines", () => {
  test("come with their line numbers; blank lines, a byte-order mark, CRLF and a missing last newline are fine", async () => {
    const path = await write("ok.jsonl", '\ufeff{"a":"x"}\r\n\n{"a":"é"}');
    expect(await all(path)).toEqual([
      { file: path, line: 1, value: { a: "x" } },
      { file: path, line: 3, value: { a: "é" } },
    ]);
  });

  test("read the same from gzip", async () => {
    const path = await write("ok.jsonl.gz", gzipSync('{"a":1}\n{"a":2}\n'));
    expect(await values(path)).toEqual([{ a: 1 }, { a: 2 }]);
  });

  test("a line longer than one chunk of the file is put together whole", async () => {
    const text = "é".repeat(200_000);
    const path = await write("long.jsonl", `${JSON.stringify({ text })}\n{"text":"b"}\n`);
    expect(await values(path)).toEqual([{ text }, { text: "b" }]);
  });

  test("bad lines are told with their place and the rest is read", async () => {
    const bytes = Buffer.concat([
      Buffer.from('{"a":1}\n{"a":"'),
      Buffer.from([0xff]),
      Buffer.from('"}\nnope\n[1]\n{"a":2}\n'),
    ]);
    const records = await all(await write("bad.jsonl", bytes));
    expect(records.map((record) => record.line)).toEqual([1, 2, 3, 4, 5]);
    expect(records.map((record) => ("problem" in record ? record.problem : "ok"))).toEqual([
      "ok",
      expect.stringContaining("not valid UTF-8"),
      expect.stringContaining("not valid JSON"),
      expect.stringContaining("a JSON array, expected a JSON object"),
      "ok",
    ]);
  });

  test("a truncated gzip is one clear error", async () => {
    const whole = gzipSync(`${'{"a":"some text that is long enough"}\n'.repeat(2000)}`);
    const path = await write("cut.jsonl.gz", whole.subarray(0, whole.length - 20));
    await expect(all(path)).rejects.toThrow(DataError);
    await expect(all(path)).rejects.toThrow(/cut\.jsonl\.gz: is a truncated gzip file/);
  });

  test("a gzip that unpacks to one endless line is stopped at the bound", async () => {
    const path = await write("bomb.jsonl.gz", gzipSync(Buffer.alloc(40 * 2 ** 20, 32)));
    await expect(all(path)).rejects.toThrow(/bomb\.jsonl\.gz:1: is longer than 16777216 bytes/);
    await expect(all(path, { maxRecordBytes: 1000 })).rejects.toThrow(/longer than 1000 bytes/);
  });

  test("a file that is empty, blank, missing, a folder, no gzip or of another kind is one clear error", async () => {
    await expect(all(await write("empty.jsonl", ""))).rejects.toThrow(/empty\.jsonl: is empty/);
    await expect(all(await write("empty.jsonl.gz", gzipSync("")))).rejects.toThrow(/is empty/);
    await expect(all(await write("blank.jsonl", "\n\n"))).rejects.toThrow(/only blank lines/);
    await expect(all(join(folder, "none.jsonl"))).rejects.toThrow(/cannot be read/);
    const directory = join(folder, "directory.jsonl");
    await mkdir(directory);
    await expect(all(directory)).rejects.toThrow(/is a folder without data files/);
    await expect(all(await write("plain.jsonl.gz", '{"a":1}\n'))).rejects.toThrow(/not a whole gzip file/);
    await expect(all(await write("x.xlsx", "PK"))).rejects.toThrow(/unknown extension/);
    await expect(all(await write("array.jsonl", '[{"a":1}]'))).rejects.toThrow(/is a JSON array/);
  });
});

test("what a file is although its name says otherwise is told, with what to do", async () => {
  const utf16 = Buffer.from('\ufeff{"a":1}\n', "utf16le");
  await expect(all(await write("z.jsonl", gzipSync('{"a":1}\n')))).rejects.toThrow(
    /z\.jsonl: is gzip-compressed, expected plain text\. Name it \.gz: z\.jsonl\.gz\./,
  );
  await expect(all(await write("z.json.gz", gzipSync(gzipSync("[]"))))).rejects.toThrow(/compressed twice/);
  for (const [name, bytes] of [
    ["le.jsonl", utf16],
    ["be.csv", Buffer.from(utf16).swap16()],
    ["le.json.gz", gzipSync(utf16)],
  ] as const)
    await expect(all(await write(name, bytes)), name).rejects.toThrow(/is UTF-16.*iconv -f utf-16 /);
});

describe("JSON arrays", () => {
  test("number their elements; a .json of lines is read as lines", async () => {
    expect(await all(await write("a.json", ' [{"a":1}, 2]'))).toMatchObject([
      { line: 1, value: { a: 1 } },
      { line: 2, problem: expect.stringContaining("not a JSON object") },
    ]);
    expect(await values(await write("b.json", '{"a":1}\n{"a":2}'))).toEqual([{ a: 1 }, { a: 2 }]);
    await expect(all(await write("c.json", "[]"))).rejects.toThrow(/empty array/);
    await expect(all(await write("d.json", "[{]"))).rejects.toThrow(/not valid JSON/);
  });
});

describe("CSV", () => {
  test("follows RFC 4180: quoted commas, newlines and doubled quotes; the line is where the record starts", async () => {
    const path = await write("q.csv", 'prompt,chosen\r\n"a, b","line 1\nline 2"\r\n"say ""hi""",\r\n');
    expect(await all(path)).toEqual([
      { file: path, line: 2, value: { prompt: "a, b", chosen: "line 1\nline 2" } },
      { file: path, line: 4, value: { prompt: 'say "hi"', chosen: "" } },
    ]);
  });

  test("sentences are no header, names are; the option decides against looks", async () => {
    const path = await write("h.csv", "I ate.,I slept.\n");
    expect(await values(path)).toEqual([{ column1: "I ate.", column2: "I slept." }]);
    const names = await write("n.csv", "yes,no\nmaybe,so\n");
    expect(await values(names)).toEqual([{ yes: "maybe", no: "so" }]);
    expect(await values(names, { header: false })).toHaveLength(2);
  });

  test("rows with too few fields or bytes that are not UTF-8 are told; broken quotes end the file", async () => {
    const bytes = Buffer.concat([Buffer.from("a,b\nx\n"), Buffer.from([0xe9]), Buffer.from(",y\nu,v\n")]);
    const records = await all(await write("bad.csv", bytes));
    expect(records).toMatchObject([
      { line: 2, problem: expect.stringContaining("has 1 fields, expected 2 (a, b)") },
      { line: 3, problem: expect.stringContaining('column "a" is not valid UTF-8') },
      { line: 4, value: { a: "u", b: "v" } },
    ]);
    await expect(all(await write("open.csv", 'a,b\n"x,y\n'))).rejects.toThrow(
      /open\.csv:2: has a quoted field that is never closed/,
    );
    await expect(all(await write("after.csv", 'a,b\n"x"y,z\n'))).rejects.toThrow(
      /after\.csv:2: has text after a closing quote/,
    );
    await expect(all(await write("twice.csv", "a,a\nx,y\n"), { header: true })).rejects.toThrow(
      /names the column "a" twice/,
    );
    await expect(all(await write("head.csv", "a,b\n"))).rejects.toThrow(/header and no rows/);
    await expect(
      all(await write("wide.csv", `a,b\n${"x".repeat(100)},y\n`), { maxRecordBytes: 50 }),
    ).rejects.toThrow(/wide\.csv:2: is longer/);
  });

  test("semicolons or tabs in place of commas are told; a text with a semicolon is a text", async () => {
    const says = /is separated by ;, expected commas/;
    await expect(all(await write("s.csv", "prompt;chosen\na, b;c\n"))).rejects.toThrow(says);
    await expect(all(await write("s.csv", '"id";"answer"\n1;a\n'), { header: true })).rejects.toThrow(says);
    await expect(all(await write("t.csv", "prompt\tchosen\na\tb\n"))).rejects.toThrow(/by tabs/);
    expect(await values(await write("one.csv", "I came; I saw.\n"))).toEqual([{ column1: "I came; I saw." }]);
    const two = await write("two.csv", 'prompt,chosen\n"a";b,c\n');
    await expect(all(two)).rejects.toThrow(/two\.csv:2: has text after a closing quote/);
  });

  test("whatever is quoted comes back, also over the chunks of a large file", async () => {
    const cell = fc.oneof(
      fc.string({ unit: "grapheme" }),
      fc.constantFrom('"', "\n", "\r\n", ",", "é".repeat(40_000)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 8 }), async (rows) => {
        const text = rows
          .map((row) => `${row.map((field) => `"${field.replaceAll('"', '""')}"`).join(",")}\n`)
          .join("");
        const read = await values(await write("property.csv", text), { header: false });
        expect(read).toEqual(rows.map(([column1, column2]) => ({ column1, column2 })));
      }),
      { numRuns: 40 },
    );
  });

  test("a field that is JSON of messages is messages; other JSON is text", async () => {
    const cell = (value: unknown) => `"${JSON.stringify(value).replaceAll('"', '""')}"`;
    const messages = [{ role: "user", content: "Hi, you" }];
    const other = [{ name: "x" }];
    const file = await write("chat.csv", `prompt,chosen\n${cell(messages)},${cell(other)}\n`);
    expect(await values(file)).toEqual([{ prompt: messages, chosen: JSON.stringify(other) }]);
  });

  test("a quote inside an unquoted field stands for itself; a last quoted field needs no newline", async () => {
    expect(await values(await write("m.csv", 'a,b\n5" disk,"x"'))).toEqual([{ a: '5" disk', b: "x" }]);
  });
});

describe("Parquet", () => {
  test("rows come group by group, numbered, with nested lists and exact integers", async () => {
    const rows = Array.from({ length: 5 }, (_, i) => i);
    const buffer = parquetWriteBuffer({
      columnData: [
        { name: "prompt", data: rows.map((i) => `p${i}`), type: "STRING" },
        { name: "n", data: rows.map(BigInt), type: "INT64" },
      ],
      rowGroupSize: 2,
    });
    const path = await write("r.parquet", new Uint8Array(buffer));
    expect(await all(path)).toEqual(
      rows.map((i) => ({ file: path, line: i + 1, value: { prompt: `p${i}`, n: i } })),
    );
  });

  test("a text that repeats is refused where a small file unfolds to more than it could mean", async () => {
    const data = Array.from({ length: 100 }, () => "x".repeat(2 ** 20));
    const buffer = new Uint8Array(parquetWriteBuffer({ columnData: [{ name: "a", data, type: "STRING" }] }));
    const path = await write("bomb.parquet", buffer);
    let rows = 0;
    const read = async () => {
      for await (const _ of readParquet(path)) rows++;
    };
    await expect(read()).rejects.toThrow(/unfolds to more than \d+ characters of text from \d+ bytes/);
    expect(rows).toBeLessThan(100);
  });

  test("a cut, false or non-UTF-8 file is one clear error", async () => {
    const buffer = new Uint8Array(
      parquetWriteBuffer({
        columnData: [{ name: "a", data: ["hello world"], type: "STRING" }],
        codec: "UNCOMPRESSED",
        statistics: false,
      }),
    );
    await expect(all(await write("cut.parquet", buffer.subarray(0, buffer.length - 7)))).rejects.toThrow(
      DataError,
    );
    await expect(all(await write("no.parquet", "this is not parquet at all"))).rejects.toThrow(
      /cannot be read as Parquet/,
    );
    const at = Buffer.from(buffer).indexOf("hello");
    const broken = Uint8Array.from(buffer);
    broken[at] = 0xff;
    await expect(all(await write("latin.parquet", broken))).rejects.toThrow(
      /rows 1 to 1: cannot be read as Parquet/,
    );
  });
});

test("a gzip that unpacks to blank lines without end is stopped by its ratio", async () => {
  const file = await write("blank.jsonl.gz", gzipSync(Buffer.alloc(80 * 2 ** 20, "\n")));
  await expect(all(file)).rejects.toThrow(/blank\.jsonl\.gz: unpacks to more than 300 times its size/);
});

test("a CSV record of commas alone is stopped at 10,000 fields", async () => {
  const file = await write("commas.csv", `a,b\n${",".repeat(20_000)}\n`);
  await expect(all(file)).rejects.toThrow(/commas\.csv:2: has more than 10000 fields/);
});
