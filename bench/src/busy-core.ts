import { spawn } from "node:child_process";

/** Starts a process that computes without end: the cores then have one more to serve than they are. @returns Ends it. */
export function takeCore(): () => void {
  const child = spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore" });
  const end = () => void child.kill("SIGKILL");
  process.once("exit", end);
  return () => {
    process.off("exit", end);
    end();
  };
}
