/** Arrow files that say more than they hold; what sound ones say is tested with the shapes of data. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  Dictionary,
  Field,
  FixedSizeList,
  Int8,
  Int32,
  List,
  makeData,
  Null,
  RecordBatch,
  Schema,
  Struct,
  Table,
  tableToIPC,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readArrow } from "./arrow.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "arrow-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** Rows read before the end or the error. */
async function rowsOf(
  name: string,
  table: Table,
  damage: (bytes: Buffer) => void = () => {},
): Promise<{ rows: number; error: string }> {
  const path = join(folder, name);
  const bytes = Buffer.from(tableToIPC(table, "stream"));
  damage(bytes);
  await writeFile(path, bytes);
  let rows = 0;
  try {
    for await (const _ of readArrow(path)) rows++;
    return { rows, error: "" };
  } catch (error) {
    return { rows, error: String(error) };
  }
}

/** A table of one column. */
function tableOf(data: ReturnType<typeof makeData>): Table {
  const schema = new Schema([new Field("a", data.type, true)]);
  const struct = makeData({ type: new Struct(schema.fields), length: data.length, children: [data] });
  return new Table(schema, [new RecordBatch(schema, struct as never)]);
}

test("one long text that rows only point at, again and again, is not read to the end", async () => {
  const dictionary = vectorFromArray(["x".repeat(2 ** 20)], new Utf8());
  const type = new Dictionary(new Utf8(), new Int32());
  const data = makeData({ type, length: 1000, data: new Int32Array(1000), dictionary });
  const { rows, error } = await rowsOf("repeated.arrow", tableOf(data as never));
  expect(error).toMatch(/unfolds to more than \d+ characters of text from \d+ bytes/);
  expect(rows).toBeLessThan(300);
});

test("columns of nothing do not say how many rows there are", async () => {
  const { rows, error } = await rowsOf(
    "nothing.arrow",
    tableOf(makeData({ type: new Null(), length: 2 ** 31 - 1 })),
  );
  expect(rows).toBe(0);
  expect(error).toMatch(/says it has 2147483647 rows in \d+ bytes, expected at most 8 to a byte/);
});

const numbers = makeData({ type: new Int8(), length: 4, data: new Int8Array(4) });
const member = new Field("item", new Int8(), true);

const listsAt = (offsets: readonly number[]) => {
  const valueOffsets = Int32Array.from(offsets);
  return tableOf(
    makeData({
      type: new List(member),
      length: offsets.length - 1,
      valueOffsets,
      child: numbers,
    }) as never,
  );
};

test("a count of parts that the file has not the bytes for is refused, and does not fill the memory", async () => {
  const { rows, error } = await rowsOf("count.arrow", listsAt([0, 3, 4]), (bytes) => {
    // The record batch's two nodes: their count, then a length of 2 (lists) and no nulls.
    const node = Buffer.from(BigInt64Array.from([2n, 0n, 4n, 0n]).buffer);
    const at = bytes.indexOf(node);
    expect(at).toBeGreaterThan(0);
    expect(bytes.readInt32LE(at - 4)).toBe(2);
    bytes.writeInt32LE(0x0a000001, at - 4);
  });
  expect(error).toMatch(/cannot be read as Arrow: it says it has 167772161 parts in \d+ bytes/);
  expect(rows).toBe(0);
});

test("lists that begin again before their end are refused", async () => {
  const { rows, error } = await rowsOf("again.arrow", listsAt([0, 4, 0, 4]));
  expect(error).toMatch(/a list runs from 4 to 0 of 4/);
  expect(rows).toBe(0);
});

test("lists longer than what is there are refused", async () => {
  const { rows, error } = await rowsOf("long.arrow", listsAt([0, 3, 4]), (bytes) => {
    const at = bytes.indexOf(Buffer.from(Int32Array.from([0, 3, 4]).buffer));
    expect(at).toBeGreaterThan(0);
    bytes.writeInt32LE(2 ** 30, at + 8);
  });
  expect(error).toMatch(/a list runs from 3 to 1073741824 of 4/);
  expect(rows).toBe(0);
});

test("lists of a fixed size have all their members; sound lists are read", async () => {
  const fixed = (length: number, size: number) =>
    tableOf(makeData({ type: new FixedSizeList(size, member), length, child: numbers }) as never);
  expect((await rowsOf("fixed.arrow", fixed(2, 2 ** 20))).error).toMatch(
    /2 lists of 1048576 have \d+ members/,
  );
  expect(await rowsOf("fixed.arrow", fixed(2, 2))).toEqual({ rows: 2, error: "" });
  expect(await rowsOf("sound.arrow", listsAt([0, 1, 1, 4]))).toEqual({ rows: 3, error: "" });
});
