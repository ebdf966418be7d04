/**
 * Safetensors files: number formats, headers that lie, round trips.
 * Length: the damaged headers are one table each.
 */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CheckpointError } from "../../base/core/errors.ts";
import { decodeFloats, encodeFloats, type FloatDtype } from "./dtypes.ts";
import { openSafetensors, writeSafetensors } from "./safetensors.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "safetensors-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A file of one header and data, without any check. */
async function rawFile(header: unknown, data: Uint8Array, headerLength?: bigint): Promise<string> {
  const path = join(folder, `raw-${Math.random().toString(36).slice(2)}.safetensors`);
  const json = typeof header === "string" ? Buffer.from(header) : Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(headerLength ?? BigInt(json.length));
  await writeFile(path, Buffer.concat([length, json, data]));
  return path;
}

async function opened(path: string): Promise<string> {
  const file = await openSafetensors(path);
  await file.close();
  return "opened";
}

const bits = (...halves: number[]) => new Uint8Array(Uint16Array.from(halves).buffer);
const decode = (bytes: Uint8Array, dtype: FloatDtype, count: number) => {
  const out = new Float32Array(count);
  decodeFloats(bytes, dtype, out, 0);
  return [...out];
};

describe("a name that comes twice", () => {
  const entry = (begin: number) => `{"dtype":"F32","shape":[1],"data_offsets":[${begin},${begin + 4}]}`;
  it.each([
    ["over the same bytes", `{"w":${entry(0)},"w":${entry(0)}}`, 4],
    ["over bytes that tile", `{"w":${entry(0)},"w":${entry(4)}}`, 8],
    ["spelt with an escape", `{"w":${entry(0)},"\\u0077":${entry(4)}}`, 8],
    ["apart from each other", `{"w":${entry(0)},"v":${entry(4)},"w":${entry(8)}}`, 12],
    ["in the metadata", `{"__metadata__":{"a":"1","a":"2"},"w":${entry(0)}}`, 4],
    ["in an entry", `{"w":{"dtype":"F16","dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 4],
  ])("is refused by name %s", async (_, header, bytes) => {
    await expect(opened(await rawFile(header, new Uint8Array(bytes)))).rejects.toThrow(
      /header names "(w|a|dtype)" twice, expected each name once/,
    );
  });
});

it("a header of more tensors than a model has is refused", async () => {
  const entry = { dtype: "F32", shape: [0], data_offsets: [0, 0] };
  const header = Object.fromEntries(Array.from({ length: 2 ** 17 + 1 }, (_, i) => [i, entry]));
  await expect(opened(await rawFile(header, new Uint8Array()))).rejects.toThrow(
    /header names 131073 tensors, expected at most 131072/,
  );
});

describe("number formats", () => {
  it("decodes halves by their definition", () => {
    // 0x3C00 = 1; 0x3C01 = 1 + 2^-10; 0xC000 = -2; 0x7BFF = (2 - 2^-10) 2^15 = 65504; 0x0400 = 2^-14
    // 0x0001 = 2^-24 (smallest subnormal); 0x03FF = 1023 * 2^-24; 0x8000 = -0
    const values = decode(bits(0x3c00, 0x3c01, 0xc000, 0x7bff, 0x0400, 0x0001, 0x03ff, 0x8000), "F16", 8);
    expect(values).toEqual([1, 1 + 2 ** -10, -2, 65504, 2 ** -14, 2 ** -24, 1023 * 2 ** -24, -0]);
  });

  it("decodes bfloat16 as the upper half of a float32", () => {
    // 0x3F80 = 1; 0x3F81 = 1 + 2^-7; 0xC040 = -3; 0x0001 = 2^-133
    expect(decode(bits(0x3f80, 0x3f81, 0xc040, 0x0001), "BF16", 4)).toEqual([1, 1 + 2 ** -7, -3, 2 ** -133]);
  });

  it("rounds to the nearest value, ties to the even one", () => {
    // float16 has 10 fraction bits: 1 + 2^-11 is half-way between 1 (even) and 1 + 2^-10; 1 + 3 * 2^-11 half-way to 1 + 2^-9 (even).
    const half = encodeFloats(
      Float32Array.of(1 + 2 ** -11, 1 + 3 * 2 ** -11, 1 + 2 ** -11 + 2 ** -20),
      "float16",
    );
    expect(decode(half, "F16", 3)).toEqual([1, 1 + 2 ** -9, 1 + 2 ** -10]);
    // bfloat16 has 7: 1 + 2^-8 ties to 1, 1 + 3 * 2^-8 ties to 1 + 2^-6.
    const bfloat = encodeFloats(
      Float32Array.of(1 + 2 ** -8, 1 + 3 * 2 ** -8, -(1 + 2 ** -8 + 2 ** -16)),
      "bfloat16",
    );
    expect(decode(bfloat, "BF16", 3)).toEqual([1, 1 + 2 ** -6, -(1 + 2 ** -7)]);
    // Around the smallest half, 2^-24: 2^-25 ties to zero, a little more rounds up, 3 * 2^-25 ties to 2 * 2^-24.
    const tiny = encodeFloats(
      Float32Array.of(2 ** -25, 2 ** -25 + 2 ** -40, 3 * 2 ** -25, 2 ** -26),
      "float16",
    );
    expect(decode(tiny, "F16", 4)).toEqual([0, 2 ** -24, 2 ** -23, 0]);
  });

  it("keeps each of the 65,536 bit patterns of a finite half or bfloat16", () => {
    const all = Uint16Array.from({ length: 65536 }, (_, i) => i);
    for (const [stored, written, exponent] of [
      ["F16", "float16", 0x7c00],
      ["BF16", "bfloat16", 0x7f80],
    ] as const) {
      const finite = all.filter((x) => (x & exponent) !== exponent);
      const values = new Float32Array(finite.length);
      decodeFloats(new Uint8Array(finite.buffer), stored, values, 0);
      const back = encodeFloats(values, written);
      expect(Buffer.compare(back, new Uint8Array(finite.buffer))).toBe(0);
    }
  });

  it("never rounds past a neighbour", () => {
    fc.assert(
      fc.property(fc.float({ min: -60000, max: 60000, noNaN: true }), (x) => {
        const [half] = decode(encodeFloats(Float32Array.of(x), "float16"), "F16", 1);
        const [bfloat] = decode(encodeFloats(Float32Array.of(x), "bfloat16"), "BF16", 1);
        // Half a unit in the last place: relative 2^-11 and 2^-8, or 2^-25 absolute among subnormal halves.
        expect(Math.abs(half! - x)).toBeLessThanOrEqual(Math.max(Math.abs(x) * 2 ** -11, 2 ** -25));
        expect(Math.abs(bfloat! - x)).toBeLessThanOrEqual(Math.max(Math.abs(x) * 2 ** -8, 2 ** -134));
      }),
    );
  });
});

describe("writing and reading", () => {
  it("reads back what was written, bit for bit, whatever the shapes", async () => {
    const tensor = fc.record({
      shape: fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 3 }),
      seed: fc.float({ noNaN: true, noDefaultInfinity: true }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(tensor, { minLength: 1, maxLength: 5 }), async (specs) => {
        const tensors = specs.map(({ shape, seed }, i) => ({
          name: `t.${i}"\u2581`,
          shape,
          data: Float32Array.from({ length: shape.reduce((x, y) => x * y, 1) }, (_, k) =>
            Math.fround(seed / (k + 1)),
          ),
        }));
        const path = join(folder, "round.safetensors");
        await writeSafetensors(path, tensors);
        const file = await openSafetensors(path);
        expect(file.names).toEqual(tensors.map(({ name }) => name));
        for (const { name, shape, data } of tensors) {
          expect(file.info(name)).toEqual({ dtype: "F32", shape });
          expect(await file.read(name)).toEqual(data);
        }
        await file.close();
      }),
      { numRuns: 40 },
    );
  });

  it("begins the data at a multiple of eight bytes and marks the file as PyTorch's", async () => {
    const path = join(folder, "aligned.safetensors");
    expect(
      await writeSafetensors(path, [{ name: "x", shape: [3], data: Float32Array.of(1, 2, 3) }], "bfloat16"),
    ).toBe(6);
    const bytes = await readFile(path);
    const length = Number(bytes.readBigUInt64LE());
    expect(length % 8).toBe(0);
    expect(JSON.parse(bytes.subarray(8, 8 + length).toString())).toEqual({
      __metadata__: { format: "pt" },
      x: { dtype: "BF16", shape: [3], data_offsets: [0, 6] },
    });
  });

  it("converts across the borders of its reading pieces", async () => {
    const path = join(folder, "long.safetensors");
    // 2^21 + 3 halves are 4 MiB and 6 bytes: two pieces.
    const data = Float32Array.from({ length: 2 ** 21 + 3 }, (_, i) => i % 1000);
    await writeSafetensors(path, [{ name: "x", shape: [data.length], data }], "float16");
    const file = await openSafetensors(path);
    expect(Buffer.compare(new Uint8Array((await file.read("x")).buffer), new Uint8Array(data.buffer))).toBe(
      0,
    );
    await file.close();
  });

  it("reads float64 to the nearest float32 and lists integers without reading them", async () => {
    const data = Buffer.alloc(24);
    data.writeDoubleLE(0.1, 0);
    data.writeDoubleLE(-1e-3, 8);
    const file = await openSafetensors(
      await rawFile(
        {
          x: { dtype: "F64", shape: [2], data_offsets: [0, 16] },
          ids: { dtype: "I64", shape: [1], data_offsets: [16, 24] },
        },
        data,
      ),
    );
    expect(await file.read("x")).toEqual(Float32Array.of(0.1, -1e-3));
    expect(file.info("ids")).toEqual({ dtype: "I64", shape: [1] });
    await expect(file.read("ids")).rejects.toThrow('tensor "ids" is I64, expected F32, F16, BF16 or F64');
    await file.close();
  });

  it("refuses weights that are not finite, when reading and when writing", async () => {
    const data = new Uint8Array(Float32Array.of(1, Number.NaN).buffer);
    const file = await openSafetensors(
      await rawFile({ w: { dtype: "F32", shape: [2], data_offsets: [0, 8] } }, data),
    );
    await expect(file.read("w")).rejects.toThrow(/tensor "w" holds NaN at flat index 1/);
    await file.close();
    const path = join(folder, "infinite.safetensors");
    const write = (value: number, dtype: "float32" | "float16" | "bfloat16") =>
      writeSafetensors(path, [{ name: "w", shape: [1], data: Float32Array.of(value) }], dtype);
    await expect(write(Number.POSITIVE_INFINITY, "float32")).rejects.toThrow(/holds Infinity/);
    await expect(write(70000, "float16")).rejects.toThrow(/70000, too large for float16/);
    await expect(write(3.4e38, "bfloat16")).rejects.toThrow(/too large for bfloat16/);
    expect((await readdir(folder)).filter((name) => name.includes("infinite"))).toEqual([]);
  });

  it("refuses a shape that does not fit its data and a name given twice", async () => {
    const path = join(folder, "bad.safetensors");
    const tensor = { name: "w", shape: [2], data: Float32Array.of(1) };
    await expect(writeSafetensors(path, [tensor])).rejects.toThrow('tensor "w": [2] does not hold 1 values');
    const good = { ...tensor, shape: [1] };
    await expect(writeSafetensors(path, [good, good])).rejects.toThrow('tensor "w": given twice');
  });
});

describe("a damaged or hostile file", () => {
  const one = (entry: Record<string, unknown>) => ({
    w: { dtype: "F32", shape: [2], data_offsets: [0, 8], ...entry },
  });
  it.each([
    ["an unknown dtype", one({ dtype: "F31" }), /tensor "w": dtype is "F31", expected one of F64/],
    ["a prototype name as dtype", one({ dtype: "constructor" }), /dtype is "constructor"/],
    ["a negative size", one({ shape: [-2] }), /shape is \[-2\]/],
    ["a fractional size", one({ shape: [0.5, 4] }), /shape is \[0.5,4\]/],
    [
      "a size beyond the file",
      one({ shape: [2 ** 40] }),
      /takes 4398046511104 bytes, data_offsets give it 8/,
    ],
    ["a shape smaller than its bytes", one({ shape: [1] }), /takes 4 bytes, data_offsets give it 8/],
    [
      "sizes whose product overflows",
      one({ shape: [2 ** 52, 2 ** 52, 2 ** 52] }),
      /bytes, data_offsets give it 8/,
    ],
    ["too many axes", one({ shape: Array(9).fill(1) }), /at most 8/],
    ["an end beyond the file", one({ data_offsets: [0, 12], shape: [3] }), /outside the file's 8 data bytes/],
    ["an end before the begin", one({ data_offsets: [8, 0] }), /outside/],
    ["three offsets", one({ data_offsets: [0, 4, 8] }), /expected \[begin, end\]/],
    ["no offsets", { w: { dtype: "F32", shape: [2] } }, /data_offsets is nothing/],
    ["data no tensor owns", { w: { dtype: "F32", shape: [1], data_offsets: [0, 4] } }, /tensors end at 4/],
    ["a hole", { w: { dtype: "F32", shape: [1], data_offsets: [4, 8] } }, /leaves a hole before it/],
    [
      "overlapping tensors",
      {
        v: { dtype: "F32", shape: [2], data_offsets: [0, 8] },
        w: { dtype: "F32", shape: [1], data_offsets: [4, 8] },
      },
      /tensor "w": overlaps/,
    ],
    ["a header that is a list", [1], /not a JSON object/],
    ["a header that is no JSON", "{nonsense", /header is not JSON/],
  ])("is refused for %s", async (_what, header, message) => {
    const error = await opened(await rawFile(header, new Uint8Array(8))).catch((e) => e);
    expect(error).toBeInstanceOf(CheckpointError);
    expect(error.message).toMatch(message);
  });

  it.each([0n, 1n, 1000n, 2n ** 40n, 2n ** 63n])(
    "is refused when it claims a header of %s bytes",
    async (length) => {
      await expect(opened(await rawFile({}, new Uint8Array(8), length))).rejects.toThrow(
        /header length is wrong/,
      );
    },
  );

  it("is refused when it is missing, empty or cut short anywhere", async () => {
    await expect(opened(join(folder, "nothing.safetensors"))).rejects.toThrow(CheckpointError);
    const path = join(folder, "whole.safetensors");
    await writeSafetensors(path, [{ name: "w", shape: [4], data: Float32Array.of(1, 2, 3, 4) }]);
    const whole = await readFile(path);
    const cut = join(folder, "cut.safetensors");
    for (let length = 0; length < whole.length; length++) {
      await writeFile(cut, whole.subarray(0, length));
      await expect(opened(cut)).rejects.toThrow(CheckpointError);
    }
  });

  it("is refused or harmless under any change of its header bytes", async () => {
    const path = join(folder, "origin.safetensors");
    await writeSafetensors(path, [
      { name: "a", shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) },
      { name: "b", shape: [1], data: Float32Array.of(5) },
    ]);
    const origin = await readFile(path);
    const mutated = join(folder, "mutated.safetensors");
    const change = fc.tuple(fc.nat({ max: origin.length - 21 }), fc.integer({ min: 0, max: 255 }));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const bytes = Buffer.from(origin);
        for (const [at, value] of changes) bytes[at] = value;
        await writeFile(mutated, bytes);
        const before = process.memoryUsage().arrayBuffers;
        try {
          const file = await openSafetensors(mutated);
          // What opens must tile the 20 data bytes, so no tensor can be larger than that.
          try {
            for (const name of file.names) expect((await file.read(name)).byteLength).toBeLessThanOrEqual(40);
          } finally {
            await file.close();
          }
        } catch (error) {
          expect(error).toBeInstanceOf(CheckpointError);
        }
        expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 24);
      }),
      { numRuns: 300 },
    );
  });
});
