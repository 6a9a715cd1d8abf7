package autoloader

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/schema"
)

// schemaLog is the versions of an inferred schema, numbered objects below
// _schemas/ of the schema location: a line "v1" and a JSON object each. The
// last one counts (semantics §3.5).
type schemaLog struct {
	store  object.Store
	prefix string // of the location in store, "" or ending in a slash
}

// inferred is one version of a schema.
type inferred struct {
	version    int64
	data       *schema.Struct // columns of the files, without the rescued data column
	partitions *schema.Struct // columns of the paths
}

type inferredJSON struct {
	Data       string `json:"dataSchemaJson"`
	Partitions string `json:"partitionSchemaJson"`
}

const (
	schemasDir    = "_schemas/"
	schemaVersion = "v1"
	maxSchema     = 64 << 20 // bytes
	maxSchemas    = 1 << 53  // far beyond the versions of any schema
)

func (l *schemaLog) key(version int64) string {
	return l.prefix + schemasDir + strconv.FormatInt(version, 10)
}

// last returns the newest version, or nil when there is none.
func (l *schemaLog) last(ctx context.Context) (*inferred, error) {
	newest := int64(-1)
	for in, err := range l.store.List(ctx, l.prefix+schemasDir, "") {
		if err != nil {
			return nil, fmt.Errorf("list schemas: %w", err)
		}
		n, err := strconv.ParseInt(strings.TrimPrefix(in.Name(), l.prefix+schemasDir), 10, 64)
		if errors.Is(err, strconv.ErrRange) || n > maxSchemas {
			return nil, damagedSchema(in.Name(), errors.New("no run has given it that number"))
		}
		if err == nil && in.Name() == l.key(n) {
			newest = max(newest, n)
		}
	}
	if newest < 0 {
		return nil, nil //nolint:nilnil // no schema yet is no error
	}
	body, err := l.read(ctx, newest)
	if errors.Is(err, object.ErrTooLarge) {
		return nil, damagedSchema(l.key(newest), err)
	}
	if err != nil {
		return nil, fmt.Errorf("read schema %d: %w", newest, err)
	}
	s, err := decodeSchema(body)
	if err != nil {
		return nil, damagedSchema(l.key(newest), err)
	}
	s.version = newest
	return s, nil
}

func damagedSchema(key string, why error) error {
	return errclass.New("STREAMING_CHECKPOINT_CORRUPT", "KD002",
		"The file %s of the schema location cannot be read: %w. Delete it to go back to the version before.", key, why)
}

func (l *schemaLog) read(ctx context.Context, version int64) ([]byte, error) {
	return object.ReadAll(ctx, l.store, l.key(version), maxSchema)
}

func decodeSchema(body []byte) (*inferred, error) {
	version, rest, _ := strings.Cut(string(body), "\n")
	if version != schemaVersion {
		return nil, fmt.Errorf("it begins with %.20q instead of %q", version, schemaVersion)
	}
	var text inferredJSON
	if err := json.Unmarshal([]byte(rest), &text); err != nil {
		return nil, err
	}
	data, err := schema.ParseJSON([]byte(text.Data))
	if err != nil {
		return nil, err
	}
	partitions, err := schema.ParseJSON([]byte(text.Partitions))
	if err != nil {
		return nil, err
	}
	return &inferred{data: data, partitions: partitions}, nil
}

// add stores s as the version after the last. A run that was cut off may have
// stored the same before; another one is another run's.
func (l *schemaLog) add(ctx context.Context, s *inferred) error {
	text, err := json.Marshal(inferredJSON{Data: string(s.data.JSON()), Partitions: string(s.partitions.JSON())})
	if err != nil {
		return err
	}
	body := schemaVersion + "\n" + string(text)
	err = l.store.PutIfAbsent(ctx, l.key(s.version), []byte(body))
	if errors.Is(err, fs.ErrExist) {
		there, rerr := l.read(ctx, s.version)
		if rerr == nil && string(there) != body {
			return errclass.New("CONCURRENT_STREAM_LOG_UPDATE", "40000",
				"Another flow has written %s. Give each flow a schema location of its own.", l.key(s.version))
		}
		err = rerr
	}
	if err != nil {
		return fmt.Errorf("store schema %d: %w", s.version, err)
	}
	return nil
}
