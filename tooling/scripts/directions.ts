import { posix } from "node:path";
import ts from "typescript";

/** What each published package may import of the others. The arrows of ARCHITECTURE.md. */
export const DIRECTIONS = {
  core: [],
  metrics: [],
  data: ["core"],
  checkpoint: ["core"],
  engine: ["core"],
  backend: ["core", "engine"],
  distill: ["core", "data", "metrics"],
  report: ["core", "checkpoint"],
  cli: ["core", "metrics", "data", "checkpoint", "engine", "backend", "distill", "report"],
} as const satisfies Record<string, readonly string[]>;

/** Packages that run anywhere, so that import nothing from outside either. */
const CLOSED: readonly string[] = ["core", "metrics"];
/** Except this, which core/nn is written with. */
const NN_LIBRARY = "@tensorflow/tfjs-core";

const PRIVATE = ["tooling", "quickstart", "experiments", "playground", "bench"];
const SCOPE = "@repvgg/";

/**
 * Imports of one file that go against the directions, each as one line `path: ...`.
 *
 * Tests and scripts may import the tooling and any package; nothing else may import the tooling or an app. A relative import stays in its
 * package.
 *
 * @param path From the root, with forward slashes.
 */
export function importViolations(path: string, source: string): string[] {
  return importsOf(source).flatMap((specifier) => {
    const reason = reasonAgainst(path, specifier);
    return reason ? [`${path}: imports ${specifier}: ${reason}`] : [];
  });
}

/**
 * Dependencies of one package.json that go against the directions. Those for development are free: tests use them.
 *
 * @param path From the root, with forward slashes.
 */
export function dependencyViolations(path: string, manifest: Record<string, unknown>): string[] {
  const folder = posix.dirname(path);
  return ["dependencies", "peerDependencies", "optionalDependencies"].flatMap((field) =>
    Object.keys((manifest[field] as Record<string, string> | undefined) ?? {}).flatMap((name) => {
      const isPeerOfNn = folder === "packages/core" && field === "peerDependencies" && name === NN_LIBRARY;
      const reason = isPeerOfNn ? undefined : packageReason(folder, name);
      return reason ? [`${path}: ${field} has ${name}: ${reason}`] : [];
    }),
  );
}

/** Specifiers of all static, dynamic, type and re-exporting imports. */
function importsOf(source: string): string[] {
  return ts.preProcessFile(source, true, true).importedFiles.map(({ fileName }) => fileName);
}

function reasonAgainst(path: string, specifier: string): string | undefined {
  const folder = packageFolder(path);
  if (specifier.startsWith(".")) {
    const target = posix.normalize(posix.join(posix.dirname(path), specifier));
    return target.startsWith(`${folder}/`) ? undefined : "a relative import leaves the package; import it by its name.";
  }
  const name = packageName(specifier);
  if (isTest(path)) return isApp(name) ? "an app is never imported." : undefined;
  if (name === NN_LIBRARY && path.startsWith("packages/core/src/nn/")) return undefined;
  return packageReason(folder, name);
}

function packageReason(folder: string, name: string): string | undefined {
  const [place, self = place] = folder.split("/");
  if (name === SCOPE + self) return place === "packages" ? undefined : "it is the package itself.";
  if (name.startsWith(SCOPE)) {
    const other = name.slice(SCOPE.length);
    if (other === "tooling") return "the tooling is for tests only.";
    if (PRIVATE.includes(other)) return "an app is never imported.";
    if (place !== "packages") return undefined;
    const allowed: readonly string[] = DIRECTIONS[self as keyof typeof DIRECTIONS] ?? [];
    if (allowed.includes(other)) return undefined;
    return `${self} may import ${allowed.length > 0 ? allowed.join(", ") : "no other package"}.`;
  }
  if (place === "packages" && CLOSED.includes(self as string)) return `${self} has no dependency.`;
  return undefined;
}

const isApp = (name: string) =>
  ["quickstart", "experiments", "playground", "bench"].some((app) => name === SCOPE + app);

/** Tests, and the scripts of a package, which are not published. */
const isTest = (path: string) =>
  /\.test\.ts$|\/test-[^/]*\.ts$|\/fixtures\/|^packages\/[^/]+\/scripts\//.test(path) || path.startsWith("tooling/");

/** `packages/core` of `packages/core/src/index.ts`; `tooling` and `bench` are packages themselves. */
function packageFolder(path: string): string {
  const [place, name] = path.split("/");
  return place === "packages" || place === "apps" ? `${place}/${name}` : String(place);
}

/** `@scope/name` of `@scope/name/entry`, `name` of `name/entry`. */
function packageName(specifier: string): string {
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}
