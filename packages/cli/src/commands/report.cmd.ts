import { defineCommand } from "../command.ts";

export const report = defineCommand({
  name: "report",
  summary: "Write the HTML report of a run again, or compare several runs in one page.",
  example: "repvgg report runs/mnist-student runs/mnist-student-2",
  positionals: [{ name: "run", help: "run folders that train, distill or sweep wrote", many: true }],
  options: {
    out: {
      kind: "text",
      value: "file",
      help: "the page to write",
      defaultText: "report.html of the run; comparison.html of several",
    },
  },
  async run({ args, options }) {
    const { reportRuns } = await import("../run/report-runs.ts");
    return reportRuns(args, options);
  },
});
