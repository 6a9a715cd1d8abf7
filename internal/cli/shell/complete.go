package shell

import "strings"

// Complete reports whether what was typed can be executed: a command of the
// shell, nothing at all, or SQL whose last character outside of strings and
// comments is a semicolon.
func Complete(text string) bool {
	trimmed := strings.TrimSpace(text)
	if trimmed == "" || isCommand(trimmed) {
		return true
	}
	ended := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\'' || c == '"' || c == '`':
			n, closed := quoted(text[i:])
			if !closed {
				return false
			}
			i += n - 1
			ended = false
		case strings.HasPrefix(text[i:], "--"):
			end := strings.IndexByte(text[i:], '\n')
			if end < 0 {
				return ended
			}
			i += end
		case strings.HasPrefix(text[i:], "/*"):
			end := strings.Index(text[i:], "*/")
			if end < 0 {
				return false
			}
			i += end + 1
		case c == ';':
			ended = true
		case c != ' ' && c != '\t' && c != '\n' && c != '\r':
			ended = false
		}
	}
	return ended
}

// quoted returns the length of the quoted text that s starts with. In strings
// a backslash escapes; a doubled quote reads as two texts, which is as good.
func quoted(s string) (n int, closed bool) {
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && s[0] != '`':
			i++
		case s[i] == s[0]:
			return i + 1, true
		}
	}
	return len(s), false
}
