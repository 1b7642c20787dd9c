import type { Forms } from "@repvgg/core";

/** A network's form, for people. */
export function formText(form: Forms): string {
  if (typeof form === "string") return `${form} form`;
  const fused = form.filter((each) => each === "deploy").length;
  return `partly fused (${fused} of ${form.length} blocks)`;
}
