import { mkdtemp, readFile, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DataError } from "../../base/core/errors.ts";
import { crc32c, decodeEvents, openEvents } from "./tfevents.ts";

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "tfevents-"));
});
afterAll(() => rm(scratch, { recursive: true }));

const event = (step: number) => ({
  wallTime: 1000 + step,
  step,
  scalars: { "train/loss": step / 2, "train/epoch": 0.25 },
});

async function written(name: string, steps: number, lastStep = 0) {
  const path = join(scratch, name);
  const file = await openEvents(path, lastStep);
  for (let step = lastStep + 1; step <= steps; step++) await file.append(event(step));
  return path;
}

test("CRC-32C agrees with RFC 3720, appendix B.4, and the polynomial's check value", () => {
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => 31 - i))).toBe(0x113fdb5c);
  expect(crc32c(new TextEncoder().encode("123456789"))).toBe(0xe3069283);
});

test("the bytes are a TFRecord of an Event, field by field", async () => {
  const bytes = await readFile(await written("bytes", 1));
  // The first record names the format: tag 1 (double wall_time), then tag 3 (bytes file_version).
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const length = Number(view.getBigUint64(0, true));
  expect(length).toBe(9 + 2 + "brain.Event:2".length);
  expect(bytes[12]).toBe((1 << 3) | 1); // field 1, 64 bits
  expect(bytes[21]).toBe((3 << 3) | 2); // field 3, length-delimited
  expect(bytes.subarray(23, 36).toString()).toBe("brain.Event:2");
  // The mask: rotate right by 15, add 0xa282ead8, of the length's checksum.
  const crc = crc32c(bytes.subarray(0, 8));
  const masked = ((((crc >>> 15) | (crc << 17)) >>> 0) + 0xa282ead8) % 2 ** 32;
  expect(view.getUint32(8, true)).toBe(masked);
  // Second record: wall_time 1001, step 1 (field 2, varint), summary (field 5).
  const second = bytes.subarray(12 + length + 4 + 12);
  expect(second.readDoubleLE(1)).toBe(1001);
  expect([second[9], second[10], second[11]]).toEqual([2 << 3, 1, (5 << 3) | 2]);
});

test("what is written is read back", async () => {
  const events = decodeEvents(await readFile(await written("back", 3)));
  expect(events).toEqual([event(1), event(2), event(3)]);
});

test("opening again keeps steps up to the checkpoint with their times and drops later ones", async () => {
  const path = await written("again", 5);
  await written("again", 4, 3);
  expect(decodeEvents(await readFile(path)).map(({ step, wallTime }) => [step, wallTime])).toEqual([
    [1, 1001],
    [2, 1002],
    [3, 1003],
    [4, 1004],
  ]);
});

test("a cut end is an error for a reader and is dropped by the next writer; a flipped bit is seen", async () => {
  const path = await written("cut", 3);
  const whole = await readFile(path);
  await truncate(path, whole.length - 5);
  expect(() => decodeEvents(whole.subarray(0, -5), "cut")).toThrow(
    /^cut: record at byte \d+: the file ends inside its \d+ bytes\.$/,
  );
  await openEvents(path, 3);
  expect(decodeEvents(await readFile(path))).toEqual([event(1), event(2)]);
  for (const place of [3, 9, 30, whole.length - 2]) {
    const flipped = Uint8Array.from(whole);
    flipped[place]! ^= 4;
    expect(() => decodeEvents(flipped)).toThrow(DataError);
  }
});
