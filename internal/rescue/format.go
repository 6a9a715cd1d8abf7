package rescue

import (
	"context"
	"encoding/json"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/format/formats"
)

// FormatOf tells the format of the files that a table's rescued data came from
// by the name of the first; "" when there is none to tell by.
func FormatOf(ctx context.Context, base *delta.Snapshot, column string) (string, error) {
	opts := delta.ScanOptions{Columns: []string{column}, Filter: delta.Not{Of: delta.IsNull{Column: []string{column}}}}
	for rec, err := range base.Scan(ctx, opts) {
		if err != nil {
			return "", err
		}
		texts, _ := rec.Column(0).(*array.String)
		name := ""
		for i := 0; texts != nil && i < texts.Len() && name == ""; i++ {
			if texts.IsValid(i) {
				name = formats.ByName(parse(texts.Value(i)).file())
			}
		}
		rec.Release()
		if name != "" {
			return name, nil
		}
	}
	return "", nil
}

// file returns the path of the file that the row came from, "" when the text
// does not say it.
func (t text) file() string {
	members, ok := object(append(append([]byte{'{'}, t.path...), '}'))
	if !ok || len(members) == 0 {
		return ""
	}
	var path string
	if err := json.Unmarshal(members[0].value, &path); err != nil {
		return ""
	}
	return path
}
