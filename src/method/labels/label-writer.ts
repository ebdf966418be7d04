/**
 * Training rows as `.jsonl` and `.parquet` at once, one by one: memory does not grow with their number (`writers.ts` says what is in them). A
 * card beside them says their types to `datasets`.
 */
import { basename } from "node:path";
import { type AtomicFile, openFileAtomic, writeFileAtomic } from "../../base/core/files.ts";
import { jsonLine } from "../../base/files/json-lines.ts";
import { ParquetEncoder } from "../data/parquet-columns.ts";
import {
  checkLabel,
  decimalsOf,
  LABEL_COLUMNS,
  type LabelledRow,
  labelRecord,
  refused,
} from "../data/writers.ts";
import { datasetCard } from "./dataset-card.ts";

/** Text that is gathered before it goes to the disk, in UTF-16 units. */
const CHUNK = 2 ** 20;

/** Lines gathered into few writes. */
export class LineWriter {
  private text = "";
  private readonly file: AtomicFile;

  constructor(file: AtomicFile) {
    this.file = file;
  }

  async add(line: string): Promise<void> {
    this.text += `${line}\n`;
    if (this.text.length >= CHUNK) await this.flush();
  }

  /** Writes what is gathered. */
  async flush(): Promise<void> {
    if (this.text !== "") await this.file.write(this.text);
    this.text = "";
  }
}

/** Two files of the same training rows, which appear when both are whole, and their card. */
export interface LabelWriter {
  /** @throws DataError when a row is a tie or an abstention, a number is wrong, or texts and message lists are mixed */
  add(row: LabelledRow): Promise<void>;
  /** Puts the files in their places; with no row there are none. @returns the number of rows */
  finish(): Promise<number>;
  /** Leaves nothing, unless finished. */
  discard(): Promise<void>;
}

const DECIMALS = decimalsOf(LABEL_COLUMNS);

/** Begins the files. The caller sees to it that every id comes once. @throws AlignError with code "io" */
export async function openLabelWriter(files: {
  jsonl: string;
  parquet: string;
  card: string;
}): Promise<LabelWriter> {
  const jsonl = await openFileAtomic(files.jsonl);
  const parquet = await openFileAtomic(files.parquet);
  const lines = new LineWriter(jsonl);
  const encoder = new ParquetEncoder(LABEL_COLUMNS);
  let rows = 0;
  let form: string | undefined;
  return {
    async add(row) {
      checkLabel(files.jsonl, row);
      form ??= formOf(row);
      if (formOf(row) !== form)
        throw refused(
          files.jsonl,
          row.id,
          "has another form of prompt, chosen or rejected than the first row (text or message list), expected one form",
        );
      const record = labelRecord(row);
      await lines.add(jsonLine(record, DECIMALS));
      const part = encoder.add(record);
      if (part !== undefined) await parquet.write(part);
      rows++;
    },
    async finish() {
      if (rows === 0) return 0;
      await lines.flush();
      await parquet.write(encoder.finish());
      await jsonl.commit();
      await parquet.commit();
      const names = { jsonl: basename(files.jsonl), parquet: basename(files.parquet) };
      await writeFileAtomic(files.card, datasetCard(names, encoder.written));
      return rows;
    },
    async discard() {
      await jsonl.discard();
      await parquet.discard();
    },
  };
}

/** A column of a table has one type: loaders refuse, or worse guess, when text and lists are mixed. */
const formOf = ({ prompt, chosen, rejected }: LabelledRow) =>
  `${typeof prompt} ${typeof chosen} ${typeof rejected}`;
