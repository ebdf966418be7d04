/** Name of the resolved recipe in a run's folder. */
export const RESOLVED = "recipe.yaml";
