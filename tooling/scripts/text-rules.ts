interface Rule {
  readonly pattern: RegExp;
  readonly reason: string;
  /** Files that the rule does not hold for. */
  readonly except?: RegExp;
}

// The folders' names are in groups so that this file does not break its own rules.
const RULES: readonly Rule[] = [
  { pattern: /(?<![\w.@~-])\/(?:work|root|home\/\w+)\//, reason: "names a folder of one machine" },
  { pattern: /(?<![\w.@~-])\/(?:tmp)\//, reason: "names a folder of one machine", except: /\.test\.ts$/ },
  {
    pattern: /https?:\/\/(?!registry\.npmjs\.org)[\w.-]*(?:registry|artifactory|nexus|mirror)[\w.-]*/,
    reason: "names a registry",
  },
  { pattern: /tarball: *https?:/, reason: "pins a registry's address", except: /^(?!pnpm-lock\.yaml$)/ },
  { pattern: /\bTO(?:DO)\b|\bFIX(?:ME)\b/, reason: "leaves work undone" },
];

/** Lines of a file that must not be published, each as `path:line: reason: the text`. */
export function textViolations(path: string, text: string): string[] {
  const rules = RULES.filter(({ except }) => !except?.test(path));
  return text.split("\n").flatMap((line, i) =>
    rules.flatMap(({ pattern, reason }) => {
      const match = pattern.exec(line);
      return match ? [`${path}:${i + 1}: ${reason}: ${match[0]}`] : [];
    }),
  );
}
