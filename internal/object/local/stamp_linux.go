package local

import (
	"io/fs"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/freshet/freshet/internal/object"
)

// zfsMagic is not among the constants of the system's headers.
const zfsMagic = 0x2fc12fc1

// stampedTypes are file systems that change the times of a directory with
// each entry it gains or loses, by the clock of this machine.
var stampedTypes = []int64{
	unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.TMPFS_MAGIC,
	unix.OVERLAYFS_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC, zfsMagic,
}

// stamped reports whether the stamps of directories can be relied upon in the
// file system that holds dir, and which device that is.
func stamped(dir string) (device uint64, ok bool) {
	var fsys unix.Statfs_t
	var st unix.Stat_t
	if unix.Statfs(dir, &fsys) != nil || unix.Stat(dir, &st) != nil {
		return 0, false
	}
	return uint64(st.Dev), slices.Contains(stampedTypes, int64(fsys.Type)) //nolint:unconvert // other architectures have other types
}

// stampOf returns the stamp of a directory, by the clock that file systems
// take times from.
func stampOf(info fs.FileInfo) (object.Stamp, bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	var now unix.Timespec
	if !ok || unix.ClockGettime(unix.CLOCK_REALTIME_COARSE, &now) != nil {
		return object.Stamp{}, false
	}
	return object.Stamp{
		Device: uint64(st.Dev), Inode: st.Ino, Modified: st.Mtim.Nano(), Changed: st.Ctim.Nano(), Taken: now.Nano(), //nolint:unconvert // as above
	}, true
}
