/** Names of people: each is a file's name, too. */
import { ConfigError } from "../../base/core/errors.ts";

/** Letters, digits, dots, dashes and underscores, of any script. */
export const isName = (name: string): boolean => /^[\p{L}\p{N}_][\p{L}\p{M}\p{N}_.-]{0,39}$/u.test(name);

/** @returns it in one spelling @throws ConfigError for what cannot be a file's name */
export function checkName(name: string): string {
  if (isName(name)) return name.normalize("NFC");
  throw new ConfigError(
    `--annotator: cannot be the name of a file, expected 1 to 40 letters, digits, dots, dashes or underscores, got ${JSON.stringify(name.slice(0, 60))}.`,
  );
}
