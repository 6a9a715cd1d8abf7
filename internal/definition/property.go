package definition

import (
	"strings"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/schema"
)

// Properties checks TBLPROPERTIES and returns what the table keeps, in
// Delta's spelling.
func Properties(list []*sql.Property) (map[string]string, error) {
	out := make(map[string]string, len(list))
	for _, p := range list {
		key, err := delta.PropertyName(p.Key)
		if err == nil {
			err = delta.CheckProperty(key, p.Value)
		}
		if err != nil {
			return nil, err
		}
		if _, twice := out[key]; twice {
			return nil, errclass.New("DUPLICATE_KEY", "23505", "Found duplicate keys %s.", schema.QuoteIdent(p.Key))
		}
		out[key] = p.Value
	}
	return out, nil
}

// Check refuses clauses that need what freshet does not write yet.
func Check(stmt *sql.CreateTable) error {
	switch {
	case stmt.Using != "" && !strings.EqualFold(stmt.Using, "delta"):
		return errclass.Unsupported("tables of a format other than Delta", "USING "+stmt.Using)
	case stmt.ClusterByAuto:
		return errclass.Unsupported("CLUSTER BY AUTO", "name the columns")
	case stmt.External && stmt.Location == "":
		return errclass.New("CREATE_EXTERNAL_TABLE_WITHOUT_LOCATION", "42601", "CREATE EXTERNAL TABLE must be accompanied by LOCATION.")
	case stmt.OrReplace && stmt.IfNotExists:
		return errclass.New("PARSE_SYNTAX_ERROR", "42601", "CREATE OR REPLACE TABLE and IF NOT EXISTS exclude each other.")
	}
	return nil
}
