import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { unfitFileSystem } from '../../../nats/synchronous.js'

/** Whether what is written into a folder is on the disk when the write returns. */
export type Synchronous = { readonly is: boolean; readonly why: string } | undefined

const LSATTR_MS_MAX = 2_000
/** Folders that one look takes in: of each stream its own, where its messages are. */
const FOLDERS_MAX = 200

/**
 * Looks at a server's store folder, when the server is on this machine.
 * @param monitor The server's monitoring address: a folder of the same name on another machine says nothing.
 * @returns undefined when it cannot be seen.
 */
export async function synchronousFolder(monitor: string, folder: string): Promise<Synchronous> {
  if (!isHere(new URL(monitor).hostname) || !existsSync(folder)) return undefined
  const unfit = await unfitFileSystem(folder)
  if (unfit !== undefined) return { is: false, why: `${folder} ${unfit}` }
  if (isMountedSync(folder, mounts())) return { is: true, why: 'its file system is mounted sync,dirsync' }
  const folders = [folder, ...messageFolders(folder)].slice(0, FOLDERS_MAX)
  try {
    const { stdout } = await promisify(execFile)('lsattr', ['-d', ...folders], { timeout: LSATTR_MS_MAX })
    return judgeFlags(stdout)
  } catch {
    return undefined
  }
}

/** From what `lsattr -d` prints: a line for each folder, flags first. A folder made before the flags were set lacks them. */
export function judgeFlags(printed: string): Synchronous {
  const lines = printed.split('\n').filter((line) => line !== '')
  const lacking = lines.filter((line) => {
    const [flags = ''] = line.split(' ')
    return !flags.includes('S') || !flags.includes('D')
  })
  if (lines.length === 0) return undefined
  if (lacking.length === 0) return { is: true, why: 'its store folder is synchronous (S and D)' }
  const where = lacking[0]?.slice(lacking[0].indexOf(' ') + 1).trim()
  return { is: false, why: `${where} is not synchronous (lsattr shows no S and D)` }
}

/** From the text of /proc/self/mounts: a device, a folder, a type, options. */
export function isMountedSync(folder: string, text: string): boolean {
  const holding = text
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, at = '']) => at === '/' || folder === at || folder.startsWith(`${at}/`))
    .sort(([, a = ''], [, b = '']) => b.length - a.length)
  const options = holding[0]?.[3]?.split(',') ?? []
  return options.includes('sync') && options.includes('dirsync')
}

function mounts(): string {
  try {
    return readFileSync('/proc/self/mounts', 'utf8')
  } catch {
    return ''
  }
}

/** `<store>/<account>/streams/<stream>/msgs` */
function messageFolders(store: string): string[] {
  const below = (folder: string): string[] => {
    try {
      return readdirSync(folder, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => join(folder, name))
    } catch {
      return []
    }
  }
  return below(store)
    .flatMap((account) => below(join(account, 'streams')))
    .map((stream) => join(stream, 'msgs'))
    .filter((folder) => existsSync(folder))
}

function isHere(host: string): boolean {
  const address = host.replace(/^\[|\]$/g, '')
  if (['localhost', '127.0.0.1', '::1'].includes(address)) return true
  return Object.values(networkInterfaces()).some((each) => each?.some((one) => one.address === address))
}
