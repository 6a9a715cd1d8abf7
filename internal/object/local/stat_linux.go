package local

import (
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// statAt returns the size and modification time, in Unix nanoseconds, of a
// file in the open directory d, following links. Looking up one name from an
// open directory costs a fraction of resolving its whole path.
func statAt(d *os.File, name string) (size, modTime int64, err error) {
	var st unix.Stat_t
	err = unix.Fstatat(int(d.Fd()), name, &st, 0)
	runtime.KeepAlive(d)
	if err != nil {
		return 0, 0, &os.PathError{Op: "stat", Path: d.Name() + "/" + name, Err: err}
	}
	return st.Size, st.Mtim.Nano(), nil
}
