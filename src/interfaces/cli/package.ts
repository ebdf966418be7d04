/** Facts about this package itself. */
import { ownManifest } from "../../base/core/packages.ts";

/** Version of this package, from its package.json. */
export const packageVersion = (): string => ownManifest().version;
