/** `--cache-teacher` without a folder: one of its own for each teacher, data set and augmentation. */
export const AUTO_CACHE = "auto";
