/**
 * TensorBoard event files: TFRecords (length, masked CRC-32C, data, masked CRC-32C) that hold `Event` messages.
 * Field numbers: https://github.com/tensorflow/tensorboard/blob/2.18.0/tensorboard/compat/proto/event.proto and summary.proto.
 */
import { appendFile, readFile } from "node:fs/promises";
import protobuf from "protobufjs";
import { DataError } from "../../base/core/errors.ts";
import { exists, writeFileAtomic } from "../../base/core/files.ts";

/** Scalars of one step; `wallTime` in seconds since 1970. */
export type ScalarEvent = {
  readonly wallTime: number;
  readonly step: number;
  readonly scalars: Readonly<Record<string, number>>;
};

const root = protobuf.Root.fromJSON({
  nested: {
    Value: { fields: { tag: { id: 1, type: "string" }, simpleValue: { id: 2, type: "float" } } },
    Summary: { fields: { value: { id: 1, type: "Value", rule: "repeated" } } },
    Event: {
      fields: {
        wallTime: { id: 1, type: "double" },
        step: { id: 2, type: "int64" },
        fileVersion: { id: 3, type: "string" },
        summary: { id: 5, type: "Summary" },
      },
    },
  },
});
const Event = root.lookupType("Event");

/** An event file being written. */
export interface EventFile {
  append(event: ScalarEvent): Promise<void>;
}

/**
 * Opens an event file, keeping what it holds up to `lastStep` and dropping what a stopped run wrote after it.
 * A damaged end, as a killed process leaves it, is dropped too.
 * @throws AlignError with code "io" when it cannot be written
 */
export async function openEvents(path: string, lastStep: number): Promise<EventFile> {
  const old = (await exists(path)) ? readableEvents(await readFile(path)) : [];
  const kept = old.filter(({ step }) => step <= lastStep);
  const version = encodeRecord({
    wallTime: kept[0]?.wallTime ?? Date.now() / 1000,
    fileVersion: "brain.Event:2",
  });
  await writeFileAtomic(path, [version, ...kept.map(encodeEvent)]);
  return { append: (event) => appendFile(path, encodeEvent(event)) };
}

/**
 * All scalar events of a file, checked.
 * @param where - its path, for messages
 * @throws DataError when a record is cut off or a checksum is wrong
 */
export function decodeEvents(bytes: Uint8Array, where = "events"): ScalarEvent[] {
  const { events, problem } = scanEvents(bytes);
  if (problem !== undefined) throw new DataError(where, 0, problem);
  return events;
}

const readableEvents = (bytes: Uint8Array): ScalarEvent[] => scanEvents(bytes).events;

function scanEvents(bytes: Uint8Array): { events: ScalarEvent[]; problem?: string } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const events: ScalarEvent[] = [];
  for (let at = 0; at < bytes.length; ) {
    const wrong = (what: string) => ({ events, problem: `record at byte ${at}: ${what}.` });
    if (at + 12 > bytes.length) return wrong("the file ends inside its header");
    const length = Number(view.getBigUint64(at, true));
    if (view.getUint32(at + 8, true) !== maskedCrc(bytes.subarray(at, at + 8)))
      return wrong("the checksum of its length is wrong");
    const end = at + 12 + length;
    if (end + 4 > bytes.length) return wrong(`the file ends inside its ${length} bytes`);
    const data = bytes.subarray(at + 12, end);
    if (view.getUint32(end, true) !== maskedCrc(data)) return wrong("the checksum of its data is wrong");
    const event = decodeEvent(data);
    if (Object.keys(event.scalars).length > 0) events.push(event);
    at = end + 4;
  }
  return { events };
}

function decodeEvent(data: Uint8Array): ScalarEvent {
  const event = Event.toObject(Event.decode(data), { longs: Number, defaults: true }) as {
    wallTime: number;
    step: number;
    summary?: { value?: { tag: string; simpleValue: number }[] } | null;
  };
  const values = event.summary?.value ?? [];
  return {
    wallTime: event.wallTime,
    step: event.step,
    scalars: Object.fromEntries(values.map(({ tag, simpleValue }) => [tag, simpleValue])),
  };
}

function encodeEvent({ wallTime, step, scalars }: ScalarEvent): Uint8Array {
  const value = Object.entries(scalars).map(([tag, simpleValue]) => ({ tag, simpleValue }));
  return encodeRecord({ wallTime, step, summary: { value } });
}

function encodeRecord(event: Record<string, unknown>): Uint8Array {
  const data = Event.encode(Event.fromObject(event)).finish();
  const record = new Uint8Array(data.length + 16);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc(record.subarray(0, 8)), true);
  record.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc(data), true);
  return record;
}

/** CRC-32C (Castagnoli, polynomial 0x1EDC6F41 reflected), RFC 3720 appendix B.4. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** TFRecord's mask: rotated right by 15 bits, plus a constant. */
function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});
