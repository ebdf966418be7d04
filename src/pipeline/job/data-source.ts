/** How a recipe's file is read, in the words of the data room. */
import type { PairOptions } from "../../method/data/pairs.ts";
import type { DataSource } from "../recipe/job-settings.ts";

/** What a source says of its reading; settings that it leaves out are left out. */
export function readingOf({ format, map, header, ignore, onBadRow, limit }: DataSource): PairOptions {
  return {
    onBadRow,
    ...(format === undefined ? {} : { format }),
    ...(map === undefined ? {} : { map }),
    ...(header === undefined ? {} : { header }),
    ...(ignore === undefined ? {} : { ignore }),
    ...(limit === undefined ? {} : { limit }),
  };
}
