import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const POWERCUT = fileURLToPath(new URL('powercut.py', import.meta.url))
const MiB = 1024 * 1024

/** Why disks cannot be mounted here, or undefined when they can. */
export function whyNoMounts(): string | undefined {
  if (process.platform !== 'linux') return `needs Linux, this is ${process.platform}`
  if (process.getuid?.() !== 0) return 'needs root, to mount file systems'
  const folder = mkdtempSync(join(tmpdir(), 'switchboard-mount-'))
  try {
    const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', 'tmpfs', folder], { encoding: 'utf8' })
    if (status !== 0) return `mount refuses: ${stderr ?? 'no such program'}`.trim()
    spawnSync('umount', [folder])
    return undefined
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Why the power of a disk cannot be cut here, or undefined when it can. */
export function whyNoPowerCuts(): string | undefined {
  const reason = whyNoMounts()
  if (reason) return reason
  if (!existsSync('/dev/loop-control')) return 'needs loop devices (/dev/loop-control)'
  for (const program of ['python3', 'mkfs.ext4']) {
    if (spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0) return `needs ${program}`
  }
  return undefined
}

/** A disk in memory that has no more than `bytes`. */
export function tinyDisk(bytes: number) {
  const folder = mkdtempSync(join(tmpdir(), 'switchboard-tiny-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder])
  const filler = join(folder, 'filler')
  return {
    folder,
    /** Takes space away, and gives it back. */
    fill: (size: number) => writeFileSync(filler, Buffer.alloc(size)),
    free: () => rmSync(filler),
    end() {
      execFileSync('umount', ['-l', folder])
      rmSync(folder, { recursive: true })
    },
  }
}

/** A journaling disk on a file, whose power can be cut as often as wanted. It takes as much space as is written on it. */
export function ext4Disk(bytes = 96 * MiB) {
  const root = mkdtempSync(join(tmpdir(), 'switchboard-ext4-'))
  const image = join(root, 'image')
  const folder = join(root, 'mount')
  mkdirSync(folder)
  writeFileSync(image, '')
  truncateSync(image, bytes)
  execFileSync('mkfs.ext4', ['-q', '-F', image])
  const mount = () => execFileSync('mount', ['-o', 'loop', image, folder])
  const unmount = () => execFileSync('umount', [folder])
  mount()
  return {
    folder,
    /** Readies a cutter; the answer cuts, and resolves when the power is off. */
    async cutter(): Promise<() => Promise<void>> {
      const child = spawn('python3', [POWERCUT, folder], { stdio: ['pipe', 'pipe', 'inherit'] })
      const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
      await expectLine(lines, 'ready')
      return async () => {
        const ended = once(child, 'exit')
        child.stdin.end('\n')
        await expectLine(lines, 'cut')
        // It holds the mount point open until it ends, and a disk in use cannot be unmounted.
        await ended
      }
    },
    /**
     * Unmounts and mounts again, as a reboot would: the journal replays. What is mounted is a copy: a mount namespace that
     * was made meanwhile (`ip netns exec` makes one) keeps the old mount alive, and the same image would be given that one
     * again, dead as it is.
     */
    reboot() {
      unmount()
      execFileSync('cp', ['--sparse=always', image, `${image}.copy`])
      renameSync(`${image}.copy`, image)
      mount()
    },
    end() {
      execFileSync('umount', ['-l', folder])
      rmSync(root, { recursive: true })
    },
  }
}

async function expectLine(lines: AsyncIterator<string>, expected: string): Promise<void> {
  const { value } = await lines.next()
  if (value !== expected) throw new Error(`powercut.py said ${value}, not ${expected}`)
}
