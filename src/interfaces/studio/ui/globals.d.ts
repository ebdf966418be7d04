/** The stamp of this build, put in by `scripts/build-studio.mjs`. */
declare const __BUILD__: string;
declare module "*.css";
