/** A JSON array of objects, read whole (AlpacaEval's annotations and LLaMA-Factory's files come so); or JSON Lines named `.json`. */
import { DataError, messageOf } from "../core/errors.ts";
import { parseJson } from "../core/json-text.ts";
import { decodeUtf8, NOT_UTF8, readBytes } from "./bytes.ts";
import { readJsonl } from "./jsonl.ts";
import { isRecord, type ReadOptions, type RecordStream } from "./record.ts";

/** Below the longest string that the engine makes. */
const MAX_ARRAY_BYTES = 500 * 2 ** 20;

/**
 * Streams the records of a `.json` file; `line` is the element's number, from 1, when the file is one array.
 * @throws DataError when an array is larger than 500 MiB, is not JSON, or is empty
 */
export async function* readJsonFile(file: string, options: ReadOptions = {}): RecordStream {
  if (!(await startsWithBracket(file))) {
    yield* readJsonl(file, options);
    return;
  }
  const elements = parseArray(file, await readAll(file));
  if (elements.length === 0) throw new DataError(file, 0, "is an empty array, expected at least one row.");
  for (const [index, value] of elements.entries()) {
    const line = index + 1;
    yield isRecord(value)
      ? { file, line, value }
      : { file, line, problem: "is not a JSON object, expected named columns." };
  }
}

async function startsWithBracket(file: string): Promise<boolean> {
  for await (const chunk of readBytes(file)) {
    const text = Buffer.from(chunk).toString("latin1").replace("\u00ef\u00bb\u00bf", "").trimStart();
    if (text !== "") return text.startsWith("[");
  }
  return false;
}

async function readAll(file: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of readBytes(file)) {
    bytes += chunk.length;
    if (bytes > MAX_ARRAY_BYTES)
      throw new DataError(
        file,
        0,
        `is an array of more than ${MAX_ARRAY_BYTES} bytes. Convert it to JSON Lines, which is streamed: jq -c '.[]'.`,
      );
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function parseArray(file: string, bytes: Uint8Array): unknown[] {
  const text = decodeUtf8(bytes);
  if (text === undefined) throw new DataError(file, 0, NOT_UTF8);
  try {
    return parseJson(text.startsWith("\ufeff") ? text.slice(1) : text) as unknown[];
  } catch (error) {
    throw new DataError(file, 0, `is not valid JSON: ${messageOf(error).slice(0, 200)}.`, { cause: error });
  }
}
