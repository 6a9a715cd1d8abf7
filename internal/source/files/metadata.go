package files

import (
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/arrow/scalar"

	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/schema"
)

// MetadataColumn is the name of the hidden column of a file source.
const MetadataColumn = "_metadata"

// MetadataType returns the type of the _metadata column (semantics §6).
func MetadataType() *schema.Struct {
	return schema.New(
		schema.Field{Name: "file_path", Type: schema.String},
		schema.Field{Name: "file_name", Type: schema.String},
		schema.Field{Name: "file_size", Type: schema.Long},
		schema.Field{Name: "file_block_start", Type: schema.Long},
		schema.Field{Name: "file_block_length", Type: schema.Long},
		schema.Field{Name: "file_modification_time", Type: schema.Timestamp},
	)
}

// Metadata returns the _metadata column of a batch of rows of f, an Arrow
// struct array of [MetadataType]. A file is always one block. The caller
// releases it.
func Metadata(f *format.File, rows int, mem memory.Allocator) (arrow.Array, error) {
	uri := f.URI()
	values := []scalar.Scalar{
		scalar.NewStringScalar(uri),
		scalar.NewStringScalar(uri[strings.LastIndexByte(uri, '/')+1:]),
		scalar.NewInt64Scalar(f.Size),
		scalar.NewInt64Scalar(0),
		scalar.NewInt64Scalar(f.Size),
		scalar.NewTimestampScalar(arrow.Timestamp(f.ModTime.UnixMicro()), schema.ArrowType(schema.Timestamp)),
	}
	columns := make([]arrow.Array, 0, len(values))
	defer func() {
		for _, c := range columns {
			c.Release()
		}
	}()
	for _, v := range values {
		column, err := scalar.MakeArrayFromScalar(v, rows, mem)
		if err != nil {
			return nil, err
		}
		columns = append(columns, column)
	}
	return array.NewStructArrayWithFields(columns, schema.ToArrow(MetadataType()).Fields())
}
