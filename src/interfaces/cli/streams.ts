/** Standard output, its colours, and what happens when its reader goes away. */
import { styleText } from "node:util";

type Terminal = { readonly isTTY?: boolean; getColorDepth?(env?: object): number };

/**
 * True when text for `stream` may hold colours: a terminal that has them, or FORCE_COLOR; never with NO_COLOR
 * (https://no-color.org) set to anything but the empty string.
 */
export function hasColours(stream: Terminal, env: NodeJS.ProcessEnv = process.env): boolean {
  if (env.NO_COLOR) return false;
  const forced = env.FORCE_COLOR;
  if (forced !== undefined) return forced !== "0" && forced !== "false";
  return stream.isTTY === true && (stream.getColorDepth?.(env) ?? 1) > 1;
}

/** Paints text, or gives it back as it is. */
export type Paint = (style: Style, text: string) => string;

/** Names of styles and colours, as `styleText` knows them. */
export type Style = Parameters<typeof styleText>[0];

/** A `Paint` that does or does not paint. */
export function painter(colours: boolean): Paint {
  return colours ? (style, text) => styleText(style, text) : (_, text) => text;
}

/** Ends quietly when the reader of our output has had enough, as in `weak-teacher inspect x | head -3`. */
export function watchPipes(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
      process.exit(process.exitCode ?? 0);
    });
}
