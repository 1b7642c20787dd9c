import type { Command } from "./command.ts";
import { bench } from "./commands/bench.cmd.ts";
import { dataDownload } from "./commands/data-download.cmd.ts";
import { dataInspect } from "./commands/data-inspect.cmd.ts";
import { devices } from "./commands/devices.cmd.ts";
import { distill } from "./commands/distill.cmd.ts";
import { doctor } from "./commands/doctor.cmd.ts";
import { exportCheckpoint } from "./commands/export.cmd.ts";
import { findLr } from "./commands/find-lr.cmd.ts";
import { fuse } from "./commands/fuse.cmd.ts";
import { init } from "./commands/init.cmd.ts";
import { linkTensorflow } from "./commands/link-tensorflow.cmd.ts";
import { predict } from "./commands/predict.cmd.ts";
import { report } from "./commands/report.cmd.ts";
import { summary } from "./commands/summary.cmd.ts";
import { sweep } from "./commands/sweep.cmd.ts";
import { train } from "./commands/train.cmd.ts";
import { val } from "./commands/val.cmd.ts";
import { variants } from "./commands/variants.cmd.ts";
import { verify } from "./commands/verify.cmd.ts";

/** What the commands of two words are about, by their first one. */
export const GROUPS: Readonly<Record<string, string>> = {
  data: "Look at data sets, and fetch them.",
};

/** Every subcommand, in the order of `repvgg --help`. */
export const COMMANDS: readonly Command[] = [
  variants,
  summary,
  train,
  distill,
  findLr,
  sweep,
  report,
  val,
  predict,
  fuse,
  verify,
  exportCheckpoint,
  bench,
  dataInspect,
  dataDownload,
  devices,
  linkTensorflow,
  doctor,
  init,
];
