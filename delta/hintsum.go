package delta

import (
	"bytes"
	"crypto/md5" //nolint:gosec // the protocol says MD5; it guards against torn writes, not attackers
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxHintDepth bounds the nesting of a hint whose checksum is taken.
const maxHintDepth = 100

// verifyChecksum compares the checksum that a _last_checkpoint carries with
// its content. A hint without one passes.
func verifyChecksum(text []byte) error {
	var sum struct {
		Checksum *string `json:"checksum"`
	}
	if err := json.Unmarshal(text, &sum); err != nil || sum.Checksum == nil {
		return err
	}
	got, err := hintChecksum(text)
	if err != nil {
		return err
	}
	if got != *sum.Checksum {
		return fmt.Errorf("read hint: checksum is %s, not %s", got, *sum.Checksum)
	}
	return nil
}

// hintChecksum returns the MD5 of the canonical form of a hint (protocol:
// JSON checksum): every leaf as path=value, sorted, joined by commas, where a
// path is quoted names and bare array indexes with "+" between them.
func hintChecksum(text []byte) (string, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var root map[string]any
	if err := dec.Decode(&root); err != nil {
		return "", fmt.Errorf("read hint: %w", err)
	}
	delete(root, "checksum")
	leaves, err := canonicalLeaves(nil, "", root, 0)
	if err != nil {
		return "", err
	}
	slices.Sort(leaves)
	sum := md5.Sum([]byte(strings.Join(leaves, ","))) //nolint:gosec // see the import
	return hex.EncodeToString(sum[:]), nil
}

func canonicalLeaves(leaves []string, path string, v any, depth int) (_ []string, err error) {
	if depth > maxHintDepth {
		return nil, errors.New("read hint: nested too deep")
	}
	child := func(name string, v any) {
		if path != "" {
			name = path + "+" + name
		}
		if err == nil {
			leaves, err = canonicalLeaves(leaves, name, v, depth+1)
		}
	}
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			child(canonicalText(name), value)
		}
	case []any:
		for i, value := range v {
			child(strconv.Itoa(i), value)
		}
	case string:
		leaves = append(leaves, path+"="+canonicalText(v))
	case nil: // a null is as good as absent
	default:
		leaves = append(leaves, fmt.Sprintf("%s=%v", path, v))
	}
	return leaves, err
}

// canonicalText quotes a text and percent-encodes all but the unreserved
// characters of RFC 3986.
func canonicalText(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~", c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
