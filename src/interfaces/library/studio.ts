/** The studio as a function: what `weak-teacher studio` does until Ctrl-C, until `close` is called. */
import { openStudio, type Studio, type StudioOptions } from "../studio/server.ts";
import { code } from "./options.ts";

/**
 * Opens the studio (docs/studio.md) over folders of this machine, at an address of this machine.
 * @returns its address, which lets the first browser in that opens it; closing it gives back the files of answers
 * @throws ConfigError for a folder that is not there or an address that cannot be had
 */
export const studio = (options: StudioOptions = {}): Promise<Studio> =>
  openStudio({ ...options, version: code() });
