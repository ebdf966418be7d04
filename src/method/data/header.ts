/** What names of columns are wanted of a CSV file: those of `--map`, or of the known shapes. They tell a header from a row. */
import type { Adapter } from "./adapters/adapter.ts";
import { type ColumnMap, mappedColumns } from "./adapters/column-map.ts";

/** Says of the first line's cells whether they name columns; undefined where neither the map nor a shape tells. */
export function headerKnower(
  map: ColumnMap | undefined,
  adapters: readonly Adapter[],
): (cells: readonly string[]) => boolean | undefined {
  return (cells) => {
    if (map !== undefined) {
      const wanted = mappedColumns(map).flatMap((column) => [column, column.split(".")[0]!]);
      if (wanted.some((column) => cells.includes(column))) return true;
      return wanted.every((column) => /^column\d+$/.test(column)) ? false : undefined;
    }
    const value = Object.fromEntries(cells.map((cell) => [cell, ""]));
    const fits = adapters.some((adapter) => adapter.matches({ file: "", line: 1, value }) !== undefined);
    return fits ? true : undefined;
  };
}
