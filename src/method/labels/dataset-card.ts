/**
 * The README of a folder of training rows, with the YAML header that Hugging Face's `datasets` reads: which file is which, and the types of
 * JSON Lines. Without it a reader guesses types from rows, and a list that is always empty has none.
 */
import type { PresentColumn } from "../data/parquet-columns.ts";

const TYPES = { text: "string", content: "string", number: "float64", integer: "int32" } as const;

/**
 * The card: the folder is its JSON Lines with their types, or its Parquet, which has types of its own, where rows hold what is JSON text there
 * and nested in JSON Lines (`datasets` reads all of a folder with one reader).
 * @param files - names of the two files beside it
 */
export function datasetCard(
  files: { readonly jsonl: string; readonly parquet: string },
  columns: readonly PresentColumn[],
): string {
  const features = columns.map(featureOf);
  const typed = features.every((lines) => lines !== undefined);
  const header = [
    "configs:",
    "- config_name: default",
    `  data_files: ${typed ? files.jsonl : files.parquet}`,
    ...(typed ? ["dataset_info:", "  features:", ...features.flat()] : []),
  ];
  return `---
${header.join("\n")}
---
# Labelled pairs

Written by weak-teacher: rows that prefer a side, in TRL's columns, twice with the same content (\`${files.jsonl}\`, \`${files.parquet}\`).

\`\`\`python
from datasets import load_dataset
rows = load_dataset("path/of/this/folder", split="train")
rows = load_dataset("parquet", data_files="path/of/this/folder/${files.parquet}", split="train")
\`\`\`

JSON Lines say no types: read alone, a list that is empty in every row has none.
`;
}

/** A column's lines of YAML; undefined where its type in JSON Lines is not that of Parquet. */
function featureOf({ name, type, members }: PresentColumn): string[] | undefined {
  switch (type) {
    case "json":
      return undefined;
    case "texts":
      return [`  - name: ${name}`, "    list: string"];
    case "messages":
      if (members.length > 0) return undefined;
      return [
        `  - name: ${name}`,
        "    list:",
        ...["role", "content"].flatMap((member) => [`    - name: ${member}`, "      dtype: string"]),
      ];
    default:
      return [`  - name: ${name}`, `    dtype: ${TYPES[type]}`];
  }
}
