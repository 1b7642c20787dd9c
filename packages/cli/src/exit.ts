/** What the process ends with: 1 for a failure, 2 for wrong usage, 130 after Ctrl-C (143 after SIGTERM). */
export const EXIT = { success: 0, failure: 1, usage: 2, interrupted: 130 } as const;
