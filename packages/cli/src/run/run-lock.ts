import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { RepvggError } from "@repvgg/core";

/** Who holds a lock. The name of the lock's file says it, so that no half-written file can be read. */
interface Owner {
  readonly host: string;
  readonly pid: number;
  /** When the process started, in ticks since boot: a process that has been given the pid of a dead one is another. */
  readonly started: string;
}

const ATTEMPTS = 4;
const PAUSE_MS = 50;

/**
 * Locks a folder for this process, until {@link unlockFolder} or its end: what a dead process has left is taken over.
 *
 * Each process writes its own file, then looks for those of others. So of two that start together, one sees the other at least.
 *
 * @param folder Exists.
 * @param what Is written to, for people.
 * @throws {RepvggError} `E_LOCKED`: a process that is alive, or on another machine, has locked it.
 */
export async function lockFolder(folder: string, what = "this run"): Promise<void> {
  const own = fileName(await thisProcess());
  for (let attempt = 1; ; attempt++) {
    await writeFile(join(folder, own), "");
    const other = await findOther(folder, own);
    if (!other) return;
    await rm(join(folder, own), { force: true });
    if (attempt === ATTEMPTS) throw lockedError(folder, other, what);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * (1 + Math.random()))); // both may have seen each other
  }
}

/** Gives the lock back. Safe where there is none. */
export async function unlockFolder(folder: string): Promise<void> {
  await rm(join(folder, fileName(await thisProcess())), { force: true });
}

/** Another living owner of a lock; removes the files of dead ones. */
async function findOther(folder: string, own: string): Promise<Owner | undefined> {
  for (const name of await readdir(folder)) {
    const owner = name === own ? undefined : ownerOf(name);
    if (!owner) continue;
    if (await mayBeAlive(owner)) return owner;
    await rm(join(folder, name), { force: true });
  }
  return undefined;
}

const fileName = ({ host, pid, started }: Owner) => `lock-${host}-${pid}-${started}`;

function ownerOf(name: string): Owner | undefined {
  const [, host, pid, started] = /^lock-(.*)-(\d+)-(\d+)$/.exec(name) ?? [];
  return host === undefined ? undefined : { host, pid: Number(pid), started: started! };
}

const thisHost = () => hostname().replaceAll(/[^\w.-]/g, "_");

async function thisProcess(): Promise<Owner> {
  const { pid } = process;
  return { host: thisHost(), pid, started: (await processState(pid))?.started ?? "0" };
}

/** False only where that is certain: nothing can be known of processes of other machines. */
async function mayBeAlive({ host, pid, started }: Owner): Promise<boolean> {
  if (host !== thisHost()) return true;
  try {
    process.kill(pid, 0); // asks only
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
  const state = await processState(pid);
  return state === undefined || (state.started === started && !state.isZombie);
}

/** What Linux knows of a process (proc(5): fields 3 and 22); undefined elsewhere, and where there is none. */
async function processState(pid: number): Promise<{ started: string; isZombie: boolean } | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  // The second field, the name in parentheses, may hold anything.
  const fields = text?.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state, started] = [fields?.[0], fields?.[19]];
  return started === undefined ? undefined : { started, isZombie: state === "Z" };
}

function lockedError(folder: string, owner: Owner, what: string): RepvggError {
  const { host, pid } = owner;
  const where = host === thisHost() ? `process ${pid}` : `process ${pid} on ${host}`;
  return new RepvggError(
    "E_LOCKED",
    `Another training is writing to ${what}: ${where}. Wait for it or stop it. If it is not running any more, delete ` +
      `${join(folder, fileName(owner))}.`,
  );
}
