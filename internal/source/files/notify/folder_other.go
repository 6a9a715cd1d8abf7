//go:build !linux

package notify

import "github.com/freshet/freshet/internal/errclass"

// Watch is known on Linux only.
func Watch(root string) (Queue, error) {
	return nil, errclass.New("CF_SOURCE_UNSUPPORTED", "0A000",
		"Cannot watch %s: notifications of local folders need Linux. Leave useNotifications out.", root)
}

// Tells reports whether the kernel tells of all that comes to a local folder:
// here it does not.
func Tells(string) bool { return false }
