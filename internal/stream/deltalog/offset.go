package deltalog

import (
	"cmp"
	"encoding/json"

	"github.com/freshet/freshet/internal/errclass"
)

// offset is a place between two files of a table's log, as Spark's Delta
// source writes it (semantics §10.2): files of earlier versions have been
// read, and those of Version with an index up to Index. While InSnapshot is
// set, Version is the snapshot that a stream begins with, and Index counts its
// files in the order of their age.
type offset struct {
	SourceVersion int    `json:"sourceVersion"`
	Table         string `json:"reservoirId"`
	Version       int64  `json:"reservoirVersion"`
	Index         int64  `json:"index"`
	InSnapshot    bool   `json:"isStartingVersion"`
}

const (
	sourceVersion = 1
	// before is the index of the place before a version's first file.
	before = -1
	// maxPlace bounds the numbers in an offset, far beyond any table.
	maxPlace = 1 << 53
)

// compare orders places of one stream.
func (o offset) compare(p offset) int {
	return cmp.Or(cmp.Compare(o.Version, p.Version), cmp.Compare(o.Index, p.Index))
}

// atVersion is the place before the files of a version.
func atVersion(table string, version int64) offset {
	return offset{SourceVersion: sourceVersion, Table: table, Version: version, Index: before}
}

// parseOffset reads an offset of the table.
func (s *Source) parseOffset(text json.RawMessage) (offset, error) {
	var o offset
	if err := json.Unmarshal(text, &o); err != nil {
		return o, errclass.New("DELTA_INVALID_SOURCE_OFFSET_FORMAT", "42000", "The offset %s of the stream of %s cannot be read: %w", text, s.cfg.Name, err)
	}
	switch {
	case o.SourceVersion != sourceVersion && o.SourceVersion != 3 || o.Version < 0 || o.Version > maxPlace || o.Index < before || o.Index > maxPlace:
		return o, errclass.New("DELTA_INVALID_SOURCE_VERSION", "XXKDS", "The offset %s of the stream of %s is of a kind that this version does not know.", text, s.cfg.Name)
	case o.Table != s.snapshot.Metadata().ID:
		return o, errclass.New("DIFFERENT_DELTA_TABLE_READ_BY_STREAMING_SOURCE", "55019",
			"The stream was begun on another table: %s is now the table with the id %s, and the checkpoint has come up to version %d of that with the id %s. It was dropped or replaced in between; %s",
			s.cfg.Name, s.snapshot.Metadata().ID, o.Version, o.Table, anew)
	}
	return o, nil
}

// anew is what to do about a source that cannot be gone on with.
const anew = "load the streaming table anew with REFRESH STREAMING TABLE … FULL, or give the flow a new checkpoint."
