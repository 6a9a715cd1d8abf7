package delta

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/freshet/freshet/schema"
)

// maxActionBytes bounds one line of the log, which is held in memory whole.
const maxActionBytes = 256 << 20

var errNoPath = errors.New("read action: add or remove without path")

// action is one line of a commit or of a JSON checkpoint. At most one field
// is set; none is when the line holds an action that is unknown to us, which
// the protocol asks readers to ignore.
type action struct {
	Add            *AddFile        `json:"add,omitempty"`
	Remove         *RemoveFile     `json:"remove,omitempty"`
	MetaData       *metadataJSON   `json:"metaData,omitempty"`
	Protocol       *Protocol       `json:"protocol,omitempty"`
	Txn            *SetTransaction `json:"txn,omitempty"`
	DomainMetadata *DomainMetadata `json:"domainMetadata,omitempty"`
	CommitInfo     *commitInfo     `json:"commitInfo,omitempty"`
	Sidecar        *sidecarJSON    `json:"sidecar,omitempty"`
	Change         *changeFile     `json:"cdc,omitempty"`
}

// metadataJSON is the metaData action as it is written. Keeping the schema's
// own text means that what we do not understand of it is never lost.
type metadataJSON struct {
	ID               string            `json:"id"`
	Name             *string           `json:"name,omitempty"`
	Description      *string           `json:"description,omitempty"`
	Format           formatJSON        `json:"format"`
	SchemaString     string            `json:"schemaString"`
	PartitionColumns []string          `json:"partitionColumns"`
	Configuration    map[string]string `json:"configuration"`
	CreatedTime      *int64            `json:"createdTime,omitempty"`
}

type formatJSON struct {
	Provider string            `json:"provider"`
	Options  map[string]string `json:"options"`
}

// sidecarJSON names a file that holds part of a V2 checkpoint.
type sidecarJSON struct {
	Path             string `json:"path"`
	SizeInBytes      int64  `json:"sizeInBytes"`
	ModificationTime int64  `json:"modificationTime"`
}

// changeFile is the cdc action: a file of the change data feed. It is no part
// of the table's state.
type changeFile struct {
	Path            string             `json:"path"`
	PartitionValues map[string]*string `json:"partitionValues"`
	Size            int64              `json:"size"`
	DataChange      bool               `json:"dataChange"` // always false
	Tags            map[string]string  `json:"tags,omitempty"`
}

// newMetadataJSON returns the wire form of m.
func newMetadataJSON(m Metadata) *metadataJSON {
	w := &metadataJSON{
		ID:               m.ID,
		Name:             optional(m.Name),
		Description:      optional(m.Description),
		Format:           formatJSON{Provider: "parquet", Options: m.FormatOptions},
		SchemaString:     string(m.Schema.JSON()),
		PartitionColumns: m.PartitionColumns,
		Configuration:    m.Configuration,
		CreatedTime:      optional(m.CreatedTime),
	}
	w.fillEmpty()
	return w
}

// fillEmpty replaces nil collections: the protocol wants them written empty.
func (w *metadataJSON) fillEmpty() {
	if w.Format.Options == nil {
		w.Format.Options = map[string]string{}
	}
	if w.PartitionColumns == nil {
		w.PartitionColumns = []string{}
	}
	if w.Configuration == nil {
		w.Configuration = map[string]string{}
	}
}

// metadata returns the public form of w, its schema parsed.
func (w *metadataJSON) metadata() (Metadata, error) {
	parsed := schema.New() // a table without columns may lack the text
	if w.SchemaString != "" {
		var err error
		if parsed, err = schema.ParseJSON([]byte(w.SchemaString)); err != nil {
			return Metadata{}, &LogError{Reason: "read the table's schema", Cause: err}
		}
	}
	return Metadata{
		ID:               w.ID,
		Name:             deref(w.Name),
		Description:      deref(w.Description),
		FormatOptions:    w.Format.Options,
		Schema:           parsed,
		PartitionColumns: w.PartitionColumns,
		Configuration:    w.Configuration,
		CreatedTime:      deref(w.CreatedTime),
	}, nil
}

// optional returns nil for a zero value, which is then left out of the JSON.
func optional[T cmp.Ordered](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// decodeAction reads one line of the log.
func decodeAction(line []byte) (*action, error) {
	a := new(action)
	if err := json.Unmarshal(line, a); err != nil {
		return nil, fmt.Errorf("read action: %w", err)
	}
	switch {
	case a.Add != nil && a.Add.Path == "", a.Remove != nil && a.Remove.Path == "", a.Change != nil && a.Change.Path == "":
		return nil, errNoPath
	case a.Txn != nil && a.Txn.AppID == "":
		return nil, errors.New("read action: txn without appId")
	case a.DomainMetadata != nil && a.DomainMetadata.Domain == "":
		return nil, errors.New("read action: domainMetadata without domain")
	}
	return a, nil
}

// readActions calls apply for each line of r in order. Empty lines are
// skipped; the last line may lack its newline.
func readActions(r io.Reader, apply func(*action) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), maxActionBytes)
	for number := 1; lines.Scan(); number++ {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		a, err := decodeAction(line)
		if err == nil {
			err = apply(a)
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
	}
	return lines.Err()
}

// encodeActions writes each action as one line, without escaping HTML.
func encodeActions(w io.Writer, actions iter.Seq[*action]) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for a := range actions {
		if err := enc.Encode(a); err != nil {
			return fmt.Errorf("write action: %w", err)
		}
	}
	return nil
}
