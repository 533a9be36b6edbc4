"""Cuts the power of one file system: what was not flushed is gone, what was flushed stays.

usage: powercut.py MOUNTPOINT     says 'ready', waits for a line on standard input, cuts, says 'cut'

Root only. MOUNTPOINT must be a scratch ext4 on a loop file of the test's own: everything on it fails with EIO afterwards.
Then kill what runs on it, unmount it completely, mount it again (the journal replays) and look what is there.
"""
import fcntl
import os
import struct
import sys

FS_IOC_SHUTDOWN = 0x8004587D  # _IOR('X', 125, __u32), linux/fs.h
NO_LOG_FLUSH = 2

if len(sys.argv) != 2 or not os.path.ismount(sys.argv[1]) or os.path.realpath(sys.argv[1]) == "/":
    sys.exit(__doc__)
mount = os.open(sys.argv[1], os.O_RDONLY)
print("ready", flush=True)
sys.stdin.readline()
fcntl.ioctl(mount, FS_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
print("cut", flush=True)
