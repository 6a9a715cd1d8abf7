package formats

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"path"
	"strings"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/format/compress"
)

// How many files and how much of their start detection looks at.
const (
	maxNames  = 1000
	maxSniffs = 10
	sniffSize = 4096
)

// extensions name formats, those that are not supported too.
var extensions = map[string]string{
	".csv": "csv", ".tsv": "csv",
	".json": "json", ".jsonl": "json", ".ndjson": "json",
	".parquet": "parquet", ".parq": "parquet", ".pq": "parquet",
	".txt": "text", ".text": "text", ".log": "text",
	".avro": "avro", ".orc": "orc", ".xml": "xml", ".xls": "excel", ".xlsx": "excel",
}

// magics are how files of binary formats begin.
var magics = []struct{ start, name string }{
	{"PAR1", "parquet"}, {"Obj\x01", "avro"}, {"ORC", "orc"},
}

// Detect returns the name of the format of files, which need not be a
// supported one (semantics §8.1): by their extensions, a compression's being
// passed over; where no extension says, by how the first files begin. Files of
// several formats are an error, and so is having no file to tell by.
func Detect(ctx context.Context, files iter.Seq2[format.File, error]) (string, error) {
	var nameless []format.File
	name, by, seen := "", "", 0
	for f, err := range files {
		if err != nil {
			return "", err
		}
		if seen++; seen > maxNames {
			break
		}
		own := ByName(f.Path)
		switch {
		case own == "" && len(nameless) < maxSniffs:
			nameless = append(nameless, f)
		case own == "" || own == name:
		case name != "":
			return "", mixed(name, by, own, f.Path)
		default:
			name, by = own, f.Path
		}
	}
	if name != "" {
		return name, nil
	}
	for _, f := range nameless {
		own, err := sniff(ctx, f)
		switch {
		case err != nil:
			return "", err
		case own == "" || own == name:
		case name != "":
			return "", mixed(name, by, own, f.Path)
		default:
			name, by = own, f.Path
		}
	}
	if name == "" {
		return "", errclass.New("CANNOT_DETECT_FILE_FORMAT", "42KD9", "no file tells its format; name it with the option format")
	}
	return name, nil
}

func mixed(name, path, other, otherPath string) error {
	return errclass.New("CANNOT_DETECT_FILE_FORMAT", "42KD9",
		"there are files of several formats: %s is %s, %s is %s; name one with the option format and choose its files with pathGlobFilter",
		path, name, otherPath, other)
}

// ByName returns the format that a path's extension names, or "".
func ByName(name string) string {
	if compress.ByPath(name) != compress.None {
		name = strings.TrimSuffix(name, path.Ext(name))
	}
	return extensions[strings.ToLower(path.Ext(name))]
}

// sniff returns the format that the start of a file shows, or "" for an empty
// file.
func sniff(ctx context.Context, f format.File) (_ string, err error) {
	r, err := compress.Open(ctx, f)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	start := make([]byte, sniffSize)
	n, err := io.ReadFull(r, start)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return "", err
	}
	return byContent(start[:n]), nil
}

func byContent(start []byte) string {
	for _, m := range magics {
		if bytes.HasPrefix(start, []byte(m.start)) {
			return m.name
		}
	}
	// UTF-16 and UTF-32 put zero bytes beside ASCII, and marks before it.
	first := bytes.TrimLeft(start, "\xEF\xBB\xBF\xFF\xFE\x00 \t\r\n")
	switch {
	case len(first) == 0:
		return ""
	case first[0] == '{' || first[0] == '[':
		return "json"
	case first[0] == '<':
		return "xml"
	}
	return "csv"
}
