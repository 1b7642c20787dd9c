import type { Settings } from "./settings.ts";

/** What was asked for that changes nothing beside the other settings, as notes. */
export function unusedSettings({
  schedule,
  milestones,
  minLr,
  optimizer,
  nesterov,
}: Pick<Settings, "schedule" | "milestones" | "minLr" | "optimizer" | "nesterov">): string[] {
  const notes: string[] = [];
  const leftOut = (flag: string, needed: string) => notes.push(`${flag} changes nothing: it goes with ${needed}.`);
  if (milestones !== undefined && schedule !== "multi-step") leftOut("--milestones", "--schedule multi-step");
  if (minLr > 0 && schedule !== "cosine") leftOut("--min-lr", "--schedule cosine");
  if (nesterov && optimizer !== "sgd") leftOut("--nesterov", "--optimizer sgd");
  return notes;
}
