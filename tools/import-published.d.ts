export const IMPORT_PUBLISHED: readonly string[];
