package docs_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/format/formats"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/option"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/session"
)

const optionsHead = `# Options

Options of ` + "`read_files`" + ` are named arguments, ` + "`header => true`" + `; those of ` + "`COPY INTO`" + ` stand in ` + "`FORMAT_OPTIONS`" + ` and
` + "`COPY_OPTIONS`" + `, ` + "`'header' = 'true'`" + `. Names ignore case. An unknown option is an error that names the nearest known one.
` + "`STREAM read_files`" + ` takes those of ` + "`read_files`" + ` too, and its own also with the prefix ` + "`cloudFiles.`" + `.
`

// TestOptionsAreListed compares docs/options.md with the declarations that
// validate options.
func TestOptionsAreListed(t *testing.T) {
	var b strings.Builder
	b.WriteString(optionsHead)
	section(&b, "`read_files`", query.ReadFilesOptions())
	section(&b, "`STREAM read_files`", query.StreamOptions())
	section(&b, "`COPY_OPTIONS`", session.CopyOptions())
	section(&b, "Files of every format", ingest.FileOptions())
	for _, name := range formats.Names() {
		f, err := formats.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		if len(f.Options()) > 0 {
			section(&b, "Format `"+name+"`", f.Options())
		}
	}
	current(t, "options.md", b.String())
}

func section(b *strings.Builder, title string, set option.Set) {
	set = slices.SortedFunc(slices.Values(set), func(x, y option.Option) int {
		return cmp.Compare(strings.ToLower(x.Name), strings.ToLower(y.Name))
	})
	fmt.Fprintf(b, "\n## %s\n\n| option | values | default | |\n|---|---|---|---|\n", title)
	for _, o := range set {
		names := "`" + o.Name + "`"
		for _, a := range o.Aliases {
			if a == "cloudFiles."+o.Name {
				continue // the section's head says so once
			}
			names += ", `" + a + "`"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", names, values(o), code(o.Default), strings.ReplaceAll(o.Doc, "|", `\|`))
	}
}

var kinds = map[option.Kind]string{
	option.Text: "text", option.Bool: "`true`, `false`", option.Int: "whole number", option.Float: "number", option.Char: "one character",
	option.Bytes: "size, such as `10g`", option.Instant: "timestamp", option.DDL: "column list", option.Pattern: "glob",
	option.Interval: "length of time, such as `1 day`",
}

func values(o option.Option) string {
	if o.Kind != option.Enum {
		return kinds[o.Kind]
	}
	quoted := make([]string, len(o.Values))
	for i, v := range o.Values {
		quoted[i] = code(v)
	}
	return strings.Join(quoted, ", ")
}

// code shows a value, whose control characters are written as Go does.
func code(text string) string {
	if text == "" {
		return ""
	}
	escaped := fmt.Sprintf("%q", text)
	escaped = escaped[1 : len(escaped)-1]
	escaped = strings.NewReplacer(`\"`, `"`, `\\`, `\`, "|", `\|`).Replace(escaped)
	return "`" + escaped + "`"
}
