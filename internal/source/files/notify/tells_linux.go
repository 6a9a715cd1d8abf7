package notify

import "golang.org/x/sys/unix"

// foreign are file systems that others change unseen by this kernel, or that
// tell of nothing, by their magic numbers.
var foreign = map[int64]bool{
	0x6969:     true, // NFS
	0x517b:     true, // SMB
	0xff534d42: true, // CIFS
	0xfe534d42: true, // SMB2
	0x65735546: true, // FUSE
	0x01021997: true, // 9p
	0x00c36400: true, // Ceph
	0x0bd00bd0: true, // Lustre
	0x47504653: true, // GPFS
	0x5346414f: true, // AFS
	0x19830326: true, // BeeGFS
}

// Tells reports whether the kernel tells of all that comes to a local folder:
// it is there, and no file system that other machines write to.
func Tells(dir string) bool {
	var st unix.Statfs_t
	return unix.Statfs(dir, &st) == nil && !foreign[int64(st.Type)&0xffffffff] //nolint:unconvert // it is of another type on other processors
}
