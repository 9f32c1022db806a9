import { readFileSync, rmSync, writeFileSync } from 'node:fs';

/** A file that says which process uses a directory. One whose process is gone says nothing: a killed process leaves it behind. */
export function writePidFile(file: string): void {
  writeFileSync(file, `${process.pid} ${startTime(process.pid) ?? ''}\n`);
}

export function removePidFile(file: string): void {
  rmSync(file, { force: true });
}

/** The living process that wrote it; null when there is none, or when it is this one. */
export function pidFileHolder(file: string): number | null {
  let text: string;
  try {
    text = readFileSync(file, 'utf8').trim();
  } catch {
    return null;
  }
  const [pidText, started] = text.split(' ');
  const pid = Number(pidText);
  if (!Number.isSafeInteger(pid) || pid <= 0 || pid === process.pid || !isAlive(pid)) return null;
  // A number used again by another process is not the one that wrote it.
  if (started !== undefined && startTime(pid) !== null && startTime(pid) !== started) return null;
  return pid;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Clock ticks at which a process began; null where the system does not tell (then the number alone decides). */
function startTime(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}
