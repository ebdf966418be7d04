/** One declaration of the public surface. */
export type Declaration = { kind: string; name: string; doc: string; type: string };
export declare function subpaths(): { name: string; entry: string }[];
export declare function surfaceOf(entry: string): Declaration[];
export declare function pages(): { path: string; text: string }[];
