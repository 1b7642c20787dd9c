import { count, milliseconds, percent, tiny } from "@repvgg/report";
import { compareStudents } from "../comparison.ts";
import type { QuickstartResult } from "../result.ts";

/** The result in one sentence, and the four figures behind it. */
export function headline(result: QuickstartResult): string {
  const { proof, latency, costs, teacher, seeds, testImages } = result;
  const { alone, distilled, reduction } = compareStudents(result);
  const several = seeds.length > 1;
  const mean = several
    ? `<small>mean of ${seeds.length} seeds</small>`
    : `<small>of ${count(testImages)} test images</small>`;
  const errors = (n: number) => (Number.isInteger(n) ? count(n) : n.toFixed(1));
  const speedup = latency.student.train.medianMs / latency.student.deploy.medianMs;
  const same = proof.agreement === 1 ? "for every one" : `for ${percent(proof.agreement, 2)}`;

  return `<header>
<p class="eyebrow">RepVGG · MNIST · train, distil, fuse, prove</p>
<h1>${sentence(reduction)}</h1>
<p class="lead">${errors(alone)} errors become ${errors(distilled)}${several ? ` on average over ${seeds.length} seeds` : ""}, with the same ${count(costs.student.train.params)} parameters. Fused to plain 3×3 convolutions, the student answers the same: over all ${count(proof.images)} test images its logits differ by at most ${tiny(proof.maxRelativeError)} of the largest, and the class is the same ${same}.</p>
</header>
<dl class="figures">
${figure("teacher, errors", count(teacher.errors), `<small>${count(costs.teacher.train.params)} parameters</small>`)}
${figure("student, alone → distilled", `${count(Math.round(alone))} → ${count(Math.round(distilled))}`, mean)}
${figure("largest difference after fusion", tiny(proof.maxAbsoluteError), `<small>in logits, over ${count(proof.images)} images</small>`)}
${figure("one image, fused", milliseconds(latency.student.deploy.medianMs), `<small>${speedup.toFixed(2)} × the speed of the train form</small>`)}
</dl>`;
}

function sentence(reduction: number): string {
  if (reduction > 0)
    return `Taught by a larger network, the same small one makes <em>${percent(reduction, 0)} fewer errors</em>.`;
  if (reduction === 0) return "Taught by a larger network, the small one makes as many errors as alone.";
  return `Taught by a larger network, the small one makes <em>${percent(-reduction, 0)} more errors</em> in this run.`;
}

function figure(name: string, value: string, note: string): string {
  return `<div class="card"><dt>${name}</dt><dd>${value}${note}</dd></div>`;
}
