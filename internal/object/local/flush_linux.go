package local

import (
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// startFlush has the system begin to write n bytes of f, from offset on, to the
// device. It waits for nothing and promises nothing: where it does not work,
// the sync at the end does it all.
func startFlush(f *os.File, offset, n int64) {
	_ = unix.SyncFileRange(int(f.Fd()), offset, n, unix.SYNC_FILE_RANGE_WRITE)
	runtime.KeepAlive(f)
}
