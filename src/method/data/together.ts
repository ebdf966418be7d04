/** Successive records that a shape reads as one (`Adapter.together`). */

import type { RawRecord, RecordStream } from "../../base/files/record.ts";
import { type Adapter, TOGETHER } from "./adapters/adapter.ts";

/** Most records that are taken together: more of one prompt in a row are begun anew. */
const MOST = 64;

/** The stream with successive records of one key joined, each as `{[TOGETHER]: [value, …]}`; as it is for other shapes. */
export async function* gathered(stream: RecordStream, { together }: Adapter): RecordStream {
  if (together === undefined) {
    yield* stream;
    return;
  }
  let group: RawRecord[] = [];
  let key: string | undefined;
  for await (const record of stream) {
    const own = "value" in record ? together(record.value) : undefined;
    if (group.length > 0 && (own === undefined || own !== key || group.length === MOST)) {
      yield joined(group);
      group = [];
    }
    if ("value" in record) group.push(record);
    else yield record;
    key = own;
  }
  if (group.length > 0) yield joined(group);
}

/** Records as one, at the place of the first. */
export function joined(group: readonly RawRecord[]): RawRecord {
  const [{ file, line }] = group as [RawRecord];
  return { file, line, value: { [TOGETHER]: group.map(({ value }) => value) }, records: group.length };
}
