/** Words for scripts and shells. */
import { ConfigError, show } from "./errors.ts";

/** A path or name for a line of a script: a line break in it would begin another command. @throws ConfigError for control characters */
export function oneLine(text: string): string {
  if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(text))
    throw new ConfigError(
      `${show(text)}: holds a control character, expected a path or name of one line, for it stands in a script. Choose another.`,
    );
  return text;
}

/** A word for a POSIX shell, whatever else is in it. @throws ConfigError for control characters */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(oneLine(text)) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
